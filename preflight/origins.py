"""From a field of a rendered object back to the stack key that leads to it, over the value of the chart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clients.helm.render import Manifest
from delivery.contradictions import setting_of
from domain.chart import COMPONENTS, object_name
from domain.merge import Path
from preflight.chart_probe import key_of
from settings.stack import Settings

VERSION = "agent.chart.version"
"""Key of what the chart itself decides."""
_SIDECAR = "vector-logging-sidecar"
"""Name that the chart gives the logging sidecar."""
_OF_POD = {
    "securityContext": "podSecurityContext",
    "imagePullSecrets": "imagePullSecretName",
    "serviceAccountName": "serviceAccount",
}
"""Field of a Pod -> key of the chart, where the names differ."""
_OF_HPA = {"minReplicas": "minReplicaCount", "maxReplicas": "maxReplicaCount", "metrics": "metric"}
_EVERYWHERE = ("podSecurityContext", "imagePullSecretName", "imagePullPolicy")
"""Keys that the chart takes at the top for all components."""


def key_of_object(settings: Settings, values: Mapping[str, Any], document: Manifest, field: str) -> str:
    """The stack key behind a field of an object, for example `spec.template.spec.containers[0].image`."""
    return key_of_value(settings, tuple(value_of(values, document, field)))


def key_of_value(settings: Settings, path: Path) -> str:
    """The stack key behind a value of the chart: the raw value, else the setting that decides it."""
    if not path:
        return VERSION
    named = _variable(settings, path)
    if named:
        return named
    raw = key_of(settings, path)
    if ".values" in raw:
        return raw
    try:
        found = setting_of(settings, path)
    except KeyError:
        return raw
    if " or " in found:
        return "image" if settings.image else "agent.image"
    return found


def value_of(values: Mapping[str, Any], document: Manifest, field: str) -> Iterator[str | int]:
    """Path of the chart's value that a field comes from; as much of it as is known."""
    component = list(_component(values, document))
    parts = list(_parts(field))
    shared = [str(part) for part in parts if part in {"labels", "annotations"}]
    if shared:
        yield shared[0]
    elif document["kind"] == "HorizontalPodAutoscaler":
        below = [str(part) for part in parts[1:2]]
        yield from (*component, "hpa", *(_OF_HPA.get(name, name) for name in below))
    elif document["kind"] == "ServiceAccount":
        yield "serviceAccount"
    elif "containers" in parts or "initContainers" in parts:
        yield from _of_container(values, document, parts, component)
    elif component:
        own = next((part for part in parts if part not in {"spec", "template"}), None)
        key = _OF_POD.get(str(own), str(own)) if own else None
        if key in _EVERYWHERE and key not in _block(values, component):
            yield str(key)
        else:
            yield from (*component, *([key] if key else []))
    elif document["kind"] == "ConfigMap":
        sidecar = _sidecar(values)
        if document["metadata"]["name"].startswith(sidecar):
            yield from ("loggingSidecar", "config")
    else:
        yield from _subchart(values, document)


def mentioned(values: Mapping[str, Any], text: str) -> Path:
    """The first value of the chart that a message of a template names, for example `loggingSidecar.enabled`."""
    for found in re.finditer(r"[A-Za-z][\w.]*", text):
        parts = found[0].strip(".").split(".")
        if parts[0] in values:
            return tuple(parts)
    return ()


def _of_container(
    values: Mapping[str, Any], document: Manifest, parts: Sequence[str | int], component: Sequence[str | int]
) -> Iterator[str | int]:
    place = "initContainers" if "initContainers" in parts else "containers"
    at = parts.index(place)
    pod = document.get("spec", {}).get("template", {}).get("spec", {})
    number = parts[at + 1] if len(parts) > at + 1 else 0
    containers = pod.get(place) or []
    container = containers[number] if isinstance(number, int) and number < len(containers) else {}
    tail = parts[at + 2 :]
    first = str(tail[0]) if tail else ""
    name = container.get("name")
    if place == "initContainers":
        yield from (*component, "initContainers")
    elif name == _sidecar(values):
        yield from ("loggingSidecar", *([first] if first else []))
    elif number and name in {
        item.get("name") for item in _block(values, component).get("extraContainers") or ()
    }:
        yield from (*component, "extraContainers")
    elif first == "env" and len(tail) > 1 and isinstance(tail[1], int):
        variables = container.get("env") or []
        variable = str(variables[tail[1]].get("name")) if tail[1] < len(variables) else ""
        own = {item.get("name") for item in _block(values, component).get("env") or ()}
        yield from (*component, "env", variable) if variable in own else ("commonEnv", variable)
    else:
        yield from (*component, *([_container_key(first)] if first else []))


def _container_key(field: str) -> str:
    return "containerSecurityContext" if field == "securityContext" else field


def _variable(settings: Settings, path: Path) -> str | None:
    """The key of an environment variable that the stack sets by name."""
    if path[0] == "commonEnv" and len(path) > 1:
        return f"agent.env.{path[1]}" if path[1] in settings.agent.env else None
    if "env" not in path[:-1]:
        return None
    name = str(path[-1])
    if path[0] == "workers" and isinstance(path[1], int) and name in settings.agent.workers[path[1]].env:
        return f"agent.workers[{path[1]}].env.{name}"
    component = settings.agent.components.get(str(path[0]))
    return f"agent.{path[0]}.env.{name}" if component and name in component.env else None


def _component(values: Mapping[str, Any], document: Manifest) -> Iterator[str | int]:
    """("workers", 0), ("triggerer",) …: the component that an object belongs to, by its name."""
    name = str(document["metadata"].get("name")).removesuffix("-hpa")
    prefix = str(values.get("resourceNamePrefix"))
    for index, worker in enumerate(values.get("workers") or ()):
        if name == object_name(prefix, "workers", str(worker.get("name"))):
            yield from ("workers", index)
            return
    yield from (key for key in COMPONENTS if key != "workers" and name == object_name(prefix, key))


def _subchart(values: Mapping[str, Any], document: Manifest) -> Iterator[str]:
    """The key of the subchart that an object belongs to, by the labels that charts customarily give their objects."""
    labels = document["metadata"].get("labels") or {}
    chart = re.sub(r"-\d+\.\d+\.\d+.*$", "", str(labels.get("helm.sh/chart", "")))
    names = (str(labels.get("app.kubernetes.io/name", "")), chart)
    yield from [name for name in names if name in values][:1]


def _block(values: Mapping[str, Any], component: Sequence[str | int]) -> Mapping[str, Any]:
    found: Any = values
    for part in component:
        found = found[part] if isinstance(part, int) else found.get(part) or {}
    return found if component and isinstance(found, Mapping) else {}


def _sidecar(values: Mapping[str, Any]) -> str:
    return str((values.get("loggingSidecar") or {}).get("name") or _SIDECAR)


def _parts(field: str) -> Iterator[str | int]:
    """`spec.containers[1].env` -> spec, containers, 1, env; a key in brackets may hold dots."""
    for name, key in re.findall(r"([^.\[\]]+)|\[([^\]]*)\]", field):
        yield name or (int(key) if key.isdigit() else key)
