"""Error messages for a wrong configuration.

A SettingsError holds every Problem of a stack. A Problem is one sentence: the key, what is wrong, what to write instead.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from domain.errors import ReportedError
from domain.suggestions import nearest


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in the configuration."""

    key: str
    """Stack key with its path, for example `astro-dbt:agent.workers[0].queues`."""
    message: str
    """What is wrong and what to write instead, as the rest of a sentence that starts with the key."""

    def __str__(self) -> str:
        return f"{_one_line(self.key)} {_one_line(self.message)}."


_LONGEST = 1500
"""Maximum number of printed characters of a key or message, because text in a stack file may have any length."""


def _one_line(text: str) -> str:
    """The text without line breaks and control characters, which would break or forge lines of a report."""
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


class SettingsError(ReportedError):
    """The stack's configuration is wrong; `problems` holds every mistake."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def render_path(key: str, location: Sequence[str | int]) -> str:
    """`agent`, ("workers", 0, "name") -> `agent.workers[0].name`."""
    path = key
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path


def problems_of(key: str, error: ValidationError, model: type[BaseModel] | None = None) -> list[Problem]:
    """Translate pydantic's errors below one stack key into problems, without values of the input.

    ``model`` is the section's class, whose keys are suggested for an unknown one.
    """
    problems = []
    items = error.errors(include_url=False, include_input=False)
    for item in items:
        if item["type"] == "too_short" and any(_is_below(other["loc"], item["loc"]) for other in items):
            continue  # pydantic counts the valid entries only, and the invalid ones are reported
        location = _without_union_tags(item["loc"])
        if item["type"] == "string_type" and len(location) < len(item["loc"]) and location[-2:-1] == ["env"]:
            continue  # the other branch of the union has the better message
        problems.append(Problem(render_path(key, location), _sentence(item, location, model)))
    return problems


def _is_below(location: Sequence[str | int], above: Sequence[str | int]) -> bool:
    return len(location) > len(above) and tuple(location[: len(above)]) == tuple(above)


_CONNECTION_TAGS = {"https", "ssh", "github-app"}
_ENV_TAGS = {"str", "SecretKeyRef"}


def _without_union_tags(location: Sequence[str | int]) -> list[str | int]:
    """Drop the branch names that pydantic adds for unions: the user never wrote them."""
    parts = list(location)
    if parts and parts[0] in _CONNECTION_TAGS:
        parts = parts[1:]
    return [
        part
        for index, part in enumerate(parts)
        if not (index >= 2 and parts[index - 2] == "env" and part in _ENV_TAGS)
    ]


_NO_NUMBER = "is not a whole number; write one, without quotes or unit"
_NO_SWITCH = "is neither true nor false; write one of them"
_NO_LIST = "is not a list; write its entries with a leading dash"
_NO_MAPPING = "is not a mapping; write keys and values under it"
_NO_TYPE = "has no known type; write type: https, type: ssh or type: github-app"
_SENTENCES: Mapping[str, str] = {
    "value_error": "{error}",
    "missing": "is missing; add it",
    "string_pattern_mismatch": "does not have the required form; write something that matches {pattern}",
    "too_short": "is empty; write at least one entry",
    "string_too_short": "is empty or too short; write a value",
    "string_too_long": "is too long; write at most {max_length} characters",
    "literal_error": "is not one of the possible values; write {expected}",
    "union_tag_not_found": _NO_TYPE,
    "union_tag_invalid": _NO_TYPE,
    "greater_than_equal": "is too small; write {ge} or more",
    "less_than_equal": "is too large; write {le} or less",
    "int_type": _NO_NUMBER,
    "int_parsing": _NO_NUMBER,
    "int_from_float": _NO_NUMBER,
    "bool_type": _NO_SWITCH,
    "bool_parsing": _NO_SWITCH,
    "string_type": "is not text; write text, in quotes if it looks like a number",
    "tuple_type": _NO_LIST,
    "list_type": _NO_LIST,
    "dict_type": _NO_MAPPING,
    "model_type": _NO_MAPPING,
    "model_attributes_type": _NO_MAPPING,
}
"""Type of pydantic's error -> what is wrong and what to write; {…} is filled from the error's context."""


def _sentence(item: Any, location: Sequence[str | int], model: type[BaseModel] | None) -> str:
    if item["type"] == "extra_forbidden":
        return _unknown(str(location[-1]), known_keys(model, location[:-1]) if model else [])
    if item["type"] in _SENTENCES:
        return _SENTENCES[item["type"]].format_map(item.get("ctx", {}))
    return f"is not valid ({item['msg']}); see docs/settings.md"


def _unknown(name: str, known: Sequence[str]) -> str:
    near = nearest(name, known)
    if near:
        return f"is not a known key; write {near} if you meant that, or remove it"
    if known:
        return f"is not a known key; write one of {', '.join(sorted(known))}, or remove it"
    return "is not a known key; remove it"


def unknown_key(key: str, name: str, known: Sequence[str]) -> Problem:
    """Problem of an unknown key, with the most similar existing one."""
    return Problem(key, _unknown(name, known))


def known_keys(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Keys (as written in YAML) of the section at ``location`` below ``model``."""
    schema = _schema(model)
    definitions = schema.get("$defs", {})
    nodes = [schema]
    for part in location:
        nodes = [child for node in nodes for child in _children(node, part, definitions)]
    return sorted({name for node in nodes for name in node.get("properties", {})})


@functools.cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema of a model, which takes longer than everything else about a mistake. Only read."""
    return model.model_json_schema(by_alias=True)


def _resolve(node: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in node:
        return _resolve(definitions[node["$ref"].rsplit("/", 1)[1]], definitions)
    branches = node.get("anyOf", []) + node.get("oneOf", [])
    if branches:
        return [leaf for branch in branches for leaf in _resolve(branch, definitions)]
    return [node]


def _children(node: dict[str, Any], part: str | int, definitions: dict[str, Any]) -> list[dict[str, Any]]:
    if isinstance(part, int):
        child = node.get("items")
    else:
        additional = node.get("additionalProperties")
        child = node.get("properties", {}).get(part, additional if isinstance(additional, dict) else None)
    return _resolve(child, definitions) if isinstance(child, dict) else []
