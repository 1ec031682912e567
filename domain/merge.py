"""Merging Helm values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``base``: mappings key by key, everything else (lists as well) is replaced by ``over``.

    >>> merge({"a": {"b": 1, "c": 1}, "l": [1]}, {"a": {"b": 2}, "l": [2]})
    {'a': {'b': 2, 'c': 1}, 'l': [2]}
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = merge(below, value)
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
