"""The text of a stack file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

_HEAD = """\
# yaml-language-server: $schema=./schema.json
#
# Written by `python -m adoption from-values`. What `withheld` names, this program would add: remove an entry when its Pods may
# restart once. See docs/adoption.md.
"""


_ORDER = (
    "delivery",
    "dags",
    "dbtProjects",
    "connections",
    "registry",
    "pullRegistry",
    "baseRegistry",
    "image",
    "agent",
)
_LAST = ("values", "unknownValues", "envOrder", "withheld")
"""Keys of `agent` and its components that come last."""


class _Dumper(yaml.SafeDumper):
    """Lists are indented below their key, and long texts stay on one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - the parser's own interface
        super().increase_indent(flow, False)


def stack_text(config: Mapping[str, Any], *, others: Mapping[str, Any], remarks: Sequence[str] = ()) -> str:
    """The file; ``others`` are keys next to `config` that it had before, ``remarks`` end as comments."""
    keys = sorted(config, key=lambda key: _ORDER.index(key) if key in _ORDER else len(_ORDER))
    content = {**others, "config": {f"astro-dbt:{key}": _arranged(config[key]) for key in keys}}
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    return _HEAD + text + "".join(f"# {line}\n" if line else "#\n" for line in remarks)


def _arranged(value: Any) -> Any:
    """Sections with the keys that come last at their end, and without empty ones."""
    if isinstance(value, list):
        return [_arranged(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    last = [key for key in _LAST if value.get(key)]
    keys = [*(key for key in value if key not in _LAST), *last]
    return {key: value[key] if key in last else _arranged(value[key]) for key in keys}


def as_comment(config: Mapping[str, Any]) -> list[str]:
    """A part of a stack file as lines for a comment."""
    content = {"config": {f"astro-dbt:{key}": value for key, value in config.items()}}
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=10_000).splitlines()[1:]
