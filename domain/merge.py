"""Merging values of a chart: the only place that decides which side wins.

A named entry is an item of a joined list: a variable by its `name`, a mount by its `mountPath`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]
"""Keys and positions from the root of the values."""


def merge(base: Mapping[str, Any], over: Mapping[str, Any], *, join: Collection[str] = ()) -> dict[str, Any]:
    """``over`` on top of ``base``: mappings key by key, everything else is replaced by ``over``.

    Lists are replaced as well, except under a key in ``join``: there the entries of ``over`` come first, followed by those
    of ``base`` whose name is new.

    >>> merge({"a": {"b": 1, "c": 1}, "l": [1]}, {"a": {"b": 2}, "l": [2]})
    {'a': {'b': 2, 'c': 1}, 'l': [2]}
    >>> merge({"env": [{"name": "A"}, {"name": "B"}]}, {"env": [{"name": "B", "value": "1"}]}, join={"env"})
    {'env': [{'name': 'B', 'value': '1'}, {'name': 'A'}]}
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = merge(below, value, join=join)
        elif key in join and isinstance(below, list) and isinstance(value, list):
            taken = {_name(item) for item in value}
            value = value + [item for item in below if _name(item) not in taken]
        merged[key] = value
    return merged


def merge_over_defaults(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values on top of a chart's defaults as Helm merges them: a null removes a default.

    Source: helm.sh/docs/chart_template_guide/values_files, "Deleting a default key".

    >>> merge_over_defaults({"a": 1, "b": {"c": 1, "d": 1}}, {"a": None, "b": {"c": None}})
    {'b': {'d': 1}}
    """
    merged = {key: value for key, value in defaults.items() if key not in values}
    for key, value in values.items():
        default = defaults.get(key)
        if isinstance(default, Mapping) and isinstance(value, Mapping):
            merged[key] = merge_over_defaults(default, value)
        elif value is not None:
            merged[key] = value
    return merged


def contradictions(
    base: Mapping[str, Any], over: Mapping[str, Any], *, join: Collection[str] = (), path: Path = ()
) -> Iterator[Path]:
    """The path of every value of ``base`` that :func:`merge` replaces with a different one of ``over``."""
    for key in sorted(base.keys() & over.keys()):
        dropped, kept, here = base[key], over[key], (*path, key)
        if isinstance(dropped, Mapping) and isinstance(kept, Mapping):
            yield from contradictions(dropped, kept, join=join, path=here)
        elif key in join and isinstance(dropped, list) and isinstance(kept, list):
            named = {_name(item): item for item in kept}
            yield from (
                (*here, _name(item)) for item in dropped if not _same(named.get(_name(item), item), item)
            )
        elif not _same(dropped, kept):
            yield here


def empties(values: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every null and every empty list.

    Pulumi's Kubernetes plugin before 4.30 drops them from a release's values, and the chart's default comes back.
    """
    if values is None or values == []:
        yield path
    elif isinstance(values, Mapping):
        for key, value in values.items():
            yield from empties(value, (*path, key))
    elif isinstance(values, list):
        for index, value in enumerate(values):
            yield from empties(value, (*path, index))


def without_empties(values: Any) -> Any:
    """The values without keys that are null or an empty list, so that every version of the plugin sends the same."""
    if isinstance(values, Mapping):
        return {
            key: without_empties(value) for key, value in values.items() if value is not None and value != []
        }
    if isinstance(values, list):
        return [without_empties(value) for value in values]
    return values


def render(path: Path) -> str:
    """("workers", 0, "env") -> `workers[0].env`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "the whole"


def _name(item: Any) -> str:
    if isinstance(item, Mapping):
        found = item.get("mountPath") or item.get("name")
        return str(found) if found else json.dumps(item, sort_keys=True, default=str)
    return str(item)


def _same(ours: Any, theirs: Any) -> bool:
    """Whether both are equal as JSON, so that true differs from 1."""
    return json.dumps(ours, sort_keys=True, default=str) == json.dumps(theirs, sort_keys=True, default=str)
