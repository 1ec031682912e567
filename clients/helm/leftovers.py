"""Removing from live objects what a killed change of a Helm release has added: pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_SHARED = frozenset({"labels", "annotations"})
"""Maps that others write to as well, so that only the release's own entries may be removed."""

_MERGE_KEYS = ("mountPath", "containerPort", "name", "port", "ip", "topologyKey")
"""Keys that identify the entries of a list (k8s.io/api, the `patchMergeKey` tags), the more specific ones first."""


def without_additions(live: Any, unfinished: Any, sound: Any) -> Any:
    """The live object without what the unfinished manifest added to the sound one.

    Helm computes its patch from the manifest of its last deployed revision, the new manifest and the live object. What a
    killed change had already added (a volume, a variable, a label) is in neither manifest, so Helm assumes that it is
    managed elsewhere and keeps it. Changed values are no problem, because the new manifest overwrites them.

    ``live``, ``unfinished`` and ``sound`` are JSON values of the same node; what others added to the live object stays.
    """
    if isinstance(live, Mapping) and isinstance(unfinished, Mapping) and isinstance(sound, Mapping):
        return _map(live, unfinished, sound)
    if isinstance(live, list) and isinstance(unfinished, list) and isinstance(sound, list):
        return _list(live, unfinished, sound)
    return live


def _map(live: Mapping[str, Any], unfinished: Mapping[str, Any], sound: Mapping[str, Any]) -> dict[str, Any]:
    kept = {}
    for key, value in live.items():
        if unfinished.get(key) is None:
            kept[key] = value
        elif sound.get(key) is not None:
            kept[key] = without_additions(value, unfinished[key], sound[key])
        elif key in _SHARED and (rest := _map(value, unfinished[key], {})):
            kept[key] = rest
    return kept


def _list(live: Sequence[Any], unfinished: Sequence[Any], sound: Sequence[Any]) -> list[Any]:
    key = merge_key([*live, *unfinished, *sound])
    if key is None:
        return list(live)  # lists that Helm replaces as a whole
    added = {item[key]: item for item in unfinished}
    before = {item[key]: item for item in sound}
    return [
        without_additions(item, added.get(item[key]), before.get(item[key]))
        for item in live
        if item[key] not in added or item[key] in before
    ]


def merge_key(items: Sequence[Any]) -> str | None:
    """What tells the entries of a list apart; None for a list that is replaced as a whole, and for an empty one."""
    if not items or not all(isinstance(item, Mapping) for item in items):
        return None
    return next((key for key in _MERGE_KEYS if all(key in item for item in items)), None)
