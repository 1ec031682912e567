"""Differences of chart values, by readable keys: entries of a list by their name, not by their position."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.credentials import holds_a_credential, named_like_a_credential
from review.git_environment import GIT_CONFIG, by_key

HIDDEN = "(hidden)"
"""Replaces a value that looks like a credential."""
_NAMED_BY = ("name", "mountPath", "key")
_BY_ENTRY = frozenset({"commonEnv", "env", "volumes", "volumeMounts"})
"""Lists whose entries have different reasons."""
_LONGEST = 120


@dataclass(frozen=True)
class Difference:
    """One value that differs."""

    path: tuple[str, ...]
    """Keys from the root of the values."""
    before: Any
    """Old value; None: there was none."""
    after: Any
    """New value; None: there is none."""

    @property
    def key(self) -> str:
        """The path as users write it."""
        return ".".join(self.path)


def differences(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[Difference]:
    """Everything that differs between two values, in the order of the keys."""
    before, after = _structured(before), _structured(after)
    if before == after:
        return
    left, right = _children(before, path), _children(after, path)
    if left is None or right is None or _is_reference(before) or _is_reference(after):
        yield Difference(path, before, after)
        return
    for key in sorted({*left, *right}):
        place = (*path, key)
        if key in left and key in right:
            yield from differences(left[key], right[key], place)
            continue
        empty = _empty(left.get(key, right.get(key)), place)
        if empty is None:
            yield Difference(place, left.get(key), right.get(key))
        else:
            yield from differences(left.get(key, empty), right.get(key, empty), place)


def _empty(value: Any, path: tuple[str, ...]) -> Any:
    """The empty value that one is compared with entry by entry although it is missing on the other side; None for most."""
    if isinstance(value, Mapping):
        return {} if path == ("labels",) or path[-1] == GIT_CONFIG else None
    return [] if path[-1] in _BY_ENTRY and _children(value, path) else None


def _structured(value: Any) -> Any:
    """A JSON list or object in a text, parsed."""
    if isinstance(value, str) and value[:1] in ("[", "{") and value != "[secret]":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _children(value: Any, path: tuple[str, ...]) -> Mapping[str, Any] | None:
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        for name in _NAMED_BY:
            keys = [str(item.get(name)) if isinstance(item, Mapping) else None for item in value]
            if value and all(keys) and None not in keys and len(set(keys)) == len(keys):
                found = dict(zip([str(key) for key in keys], map(_entry, value), strict=True))
                return by_key(found) if name == "name" else found
        return {} if not value and path else None
    return None


def _entry(item: Any) -> Any:
    """The value of a variable {name, value}."""
    if isinstance(item, Mapping) and set(item) == {"name", "value"}:
        return item["value"]
    return item


def _is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and "valueFrom" in value


def shown(value: Any, path: tuple[str, ...]) -> str:
    """A value in one short line, without anything that looks like a credential."""
    if value is None:
        return ""
    if isinstance(value, Mapping) and isinstance(value.get("valueFrom"), Mapping):
        return _reference(value["valueFrom"])
    if isinstance(value, Mapping | list):
        text = json.dumps(hide(value, path), sort_keys=True, default=str)
    elif isinstance(value, bool):
        text = "true" if value else "false"
    else:
        text = str(hide(value, path))
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def hide(value: Any, path: tuple[str, ...]) -> Any:
    """The value with everything that looks like a credential replaced."""
    if isinstance(value, Mapping):
        named = str(value.get("name", ""))
        return {
            str(key): hide(item, (*path, named if key == "value" and named else str(key)))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [hide(item, path) for item in value]
    if isinstance(value, str) and value and value != "[secret]":
        by_name = bool(path) and named_like_a_credential(path[-1])
        return HIDDEN if by_name or holds_a_credential(value) else value
    return value


def _reference(source: Mapping[str, Any]) -> str:
    for kind, word in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        found = source.get(kind)
        if isinstance(found, Mapping):
            return f"key {found.get('key')} of {word} {found.get('name')}"
    return json.dumps(source, sort_keys=True, default=str)
