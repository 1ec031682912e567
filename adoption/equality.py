"""Whether a stack gives the agents what they have: two sets of values compared by what they amount to.

Two sets amount to the same when the chart renders the same Pods from them, as far as that is documented: a value that the
chart has as its default, an image that a component inherits, and the limits of an autoscaler that is off make no difference.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.merge import Path, merge_over_defaults

_OFF: Mapping[str, Any] = {
    "createNamespace": False,
    "replicas": 1,
    "canUseKubernetesPodOperator": False,
}
"""Values that say what Kubernetes or the chart does without them."""
_COMPONENTS = ("dagProcessor", "triggerer")
_NAMED = frozenset({"commonEnv", "env"})


@dataclass(frozen=True)
class Difference:
    """A value that is not the same on both sides; None stands for one that is not there."""

    path: Path
    """Path in the chart's values; a variable by its name, a worker by its position."""
    theirs: Any
    """What the release has."""
    ours: Any
    """What the stack would send."""


def effective(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What values amount to on top of the chart's ``defaults``."""
    merged = copy.deepcopy(merge_over_defaults(defaults, values))
    image = merged.pop("image", None)
    for block in [*(merged.get("workers") or []), *(merged.get(name) for name in _COMPONENTS)]:
        if isinstance(block, dict) and image is not None:
            block.setdefault("image", image)
    found: dict[str, Any] = _plain(merged)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        left = {}
        for key, item in value.items():
            if key == "hpa" and isinstance(item, Mapping) and not item.get("enabled"):
                continue
            plain = _quantities(item) if key == "resources" else _plain(item)
            if plain not in (None, [], {}) and not (key in _OFF and _same(plain, _OFF[key])):
                left[key] = plain
        return left
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _quantities(value: Any) -> Any:
    """Amounts as text: Kubernetes reads 2 and "2" alike."""
    if isinstance(value, Mapping):
        return {key: _quantities(item) for key, item in value.items()}
    return str(value) if isinstance(value, int | float) else value


def differences(theirs: Any, ours: Any, path: Path = ()) -> Iterator[Difference]:
    """Every difference of two sets of effective values, apart from the order of variables."""
    if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        for key in sorted({*theirs, *ours}):
            yield from _of_key(theirs.get(key), ours.get(key), (*path, key))
    elif not _same(theirs, ours):
        yield Difference(path, theirs, ours)


def _of_key(theirs: Any, ours: Any, path: Path) -> Iterator[Difference]:
    if path[-1] in _NAMED and _lists(theirs, ours):
        yield from differences(_by_name(theirs), _by_name(ours), path)
    elif path == ("workers",) and _lists(theirs, ours) and len(theirs or []) == len(ours or []):
        for index, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(one, other, (*path, index))
    elif isinstance(theirs, Mapping) and isinstance(ours, Mapping) and len(path) < 3:
        yield from differences(theirs, ours, path)
    elif not _same(theirs, ours):
        yield Difference(path, theirs, ours)


def _lists(*values: Any) -> bool:
    return all(value is None or isinstance(value, list) for value in values)


def _by_name(entries: Any) -> dict[str, Any]:
    """Variables by name, each in a list, so that it is compared as a whole."""
    return {
        str(item["name"]): [item] for item in entries or [] if isinstance(item, Mapping) and "name" in item
    }


def _same(one: Any, other: Any) -> bool:
    """Equal, where true is not 1, and numbers are equal however they are written."""
    return json.dumps(one, sort_keys=True, default=str) == json.dumps(other, sort_keys=True, default=str)


def orders(values: Mapping[str, Any]) -> dict[Path, list[str]]:
    """Place of every list of variables -> their names in order."""
    found: dict[Path, list[str]] = {("commonEnv",): _names(values.get("commonEnv"))}
    for index, worker in enumerate(values.get("workers") or []):
        found["workers", index, "env"] = _names(worker.get("env"))
    for name in (*_COMPONENTS, "sentinel"):
        block = values.get(name)
        found[name, "env"] = _names(block.get("env") if isinstance(block, Mapping) else None)
    return found


def _names(entries: Any) -> list[str]:
    return [str(item["name"]) for item in entries or [] if isinstance(item, Mapping) and "name" in item]
