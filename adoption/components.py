"""Workers, Dag processor, triggerer and sentinel of a values file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adoption.draft import Draft
from adoption.variables import sort
from delivery.chart_values import worker_defaults
from domain.chart import has_sentinel
from settings.agent import Worker
from settings.chart_keys import KNOWN, unknown_paths
from settings.containers import only_raw

FROM_CHART = "part of the chart that this program's table lacks; taken over from the release that was installed by hand"
"""Reason for sending a key that the program does not know: the release was installed with it."""
HELD = "the release was installed by hand with other values"


def add_components(
    draft: Draft, values: Mapping[str, Any], defaults: Mapping[str, Any], *, version: str, prefix: str
) -> None:
    """Add `agent.workers` and the components that exist once; ``defaults`` are the chart's values."""
    listed = values.get("workers")
    if isinstance(listed, list) and all(isinstance(item, Mapping) for item in listed):
        workers = [
            _worker(draft, dict(item), index=index, version=version, prefix=prefix)
            for index, item in enumerate(listed)
        ]
    else:
        workers = [
            _worker(draft, dict(item), index=index, version=version, prefix=prefix)
            for index, item in enumerate(defaults.get("workers") or [])
        ]
    draft.agent["workers"] = workers
    names = ["dagProcessor", "triggerer"] + (["sentinel"] if has_sentinel(version) else [])
    for name in names:
        block = values.get(name)
        if isinstance(block, Mapping):
            found = _component(draft, _changed(block, defaults.get(name)), name, prefix=prefix)
            if found:
                draft.agent[name] = found


def _changed(block: Mapping[str, Any], defaults: Any) -> dict[str, Any]:
    """The keys of a block that differ from the chart's defaults."""
    known = defaults if isinstance(defaults, Mapping) else {}
    return {
        key: value for key, value in block.items() if value not in (None, [], {}) and known.get(key) != value
    }


def _component(draft: Draft, block: dict[str, Any], at: str, *, prefix: str) -> dict[str, Any]:
    """What every component has; takes the keys that it translates out of ``block``, and the rest becomes `values`."""
    found: dict[str, Any] = {}
    if at == "triggerer":
        _move(block, found, {"replicas": "replicas", "asyncSlots": "slots"})
    if at == "sentinel":
        _move(block, found, {"enabled": "enabled", "image": "image"})
    if "resources" in block and not only_raw("resources", block["resources"]):
        found["resources"] = block.pop("resources")
    _move(block, found, {name: name for name in ("nodeSelector", "affinity", "tolerations")})
    variables = sort(block.pop("env", []), place=f"{at}.env", prefix=prefix)
    draft.clear += variables.clear
    if variables.env:
        found["env"] = variables.env
    if variables.raw:
        block["env"] = variables.raw
    tree = KNOWN["workers"][0] if at.startswith("workers") else KNOWN[at]
    if block:
        found["values"] = block
        unknown = [path for path, _ in unknown_paths(block, tree)]
        if unknown:
            found["unknownValues"] = dict.fromkeys(unknown, FROM_CHART)
    return found


def _worker(draft: Draft, block: dict[str, Any], *, index: int, version: str, prefix: str) -> dict[str, Any]:
    block = {key: value for key, value in block.items() if value not in (None, [], {})}
    queues = block.pop("queues", "default")
    parts = queues if isinstance(queues, list) else str(queues).split(",")
    found: dict[str, Any] = {
        "name": str(block.pop("name", "default-worker")),
        "queues": [str(part).strip() for part in parts],
    }
    moved = {
        "replicas": "replicas",
        "syncSlots": "slots",
        "terminationGracePeriodSeconds": "terminationGracePeriodSeconds",
        "image": "image",
    }
    if has_sentinel(version):
        moved["canUseKubernetesPodOperator"] = "kubernetesPodOperator"
    _move(block, found, moved)
    _autoscaling(block, found, capital=not has_sentinel(version))
    standard = Worker(name="x")
    for key, value in worker_defaults(standard).items():
        if block.get(key) == value:
            del block[key]
    if found.get("slots") == worker_defaults(standard)["syncSlots"]:
        del found["slots"]
    for name, field in Worker.model_fields.items():
        key = field.alias or name
        if key != "queues" and key in found and found[key] == field.default:
            del found[key]
    return {**found, **_component(draft, block, f"workers[{index}]", prefix=prefix)}


def _autoscaling(block: dict[str, Any], found: dict[str, Any], *, capital: bool) -> None:
    """Typed where the stack has a form for it; as a whole in `values` otherwise."""
    hpa = block.get("hpa")
    if not isinstance(hpa, Mapping) or not hpa.get("enabled"):
        block.pop("hpa", None)
        return
    metric = hpa.get("metric") if isinstance(hpa.get("metric"), Mapping) else {}
    target = (metric or {}).get("target") or {}
    aim = target.get("Value" if capital else "value", 20)
    limits = hpa.get("minReplicaCount", 1), hpa.get("maxReplicaCount", 1)
    if target.get("type", "Value") == "Value" and all(type(item) is int for item in (*limits, aim)):
        found["autoscaling"] = {"minReplicas": limits[0], "maxReplicas": limits[1], "target": aim}
        rest = {key: hpa[key] for key in ("extraMetrics", "behavior") if hpa.get(key)}
        named = {key: value for key, value in (metric or {}).items() if key != "target"}
        if named:
            rest["metric"] = named
        block["hpa"] = rest
        if not rest:
            del block["hpa"]
    else:
        found["withheld"] = {"hpa": HELD}


def _move(block: dict[str, Any], found: dict[str, Any], names: Mapping[str, str]) -> None:
    for chart, stack in names.items():
        if chart in block:
            found[stack] = block.pop(chart)
