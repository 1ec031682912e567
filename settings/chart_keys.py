"""Values of the agent's chart, and which of them this program manages.

Source: the values files that the Astro UI generates for chart 1.0.2 and 2.0.0, and the chart's release notes up to 2.3.3
(astronomer.io/docs/astro/agent-helm-chart-release-notes). The chart's own package decides which keys it accepts
(preflight.chart), because newer charts have keys that this table lacks. The table lists the keys that need no such check,
and is used if the package is unavailable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.merge import Path
from settings.agent import Agent, Component

Tree = dict[str, Any]
"""Key -> tree of its keys; `None` if anything may follow; a list of one tree for a list of mappings."""

NEWEST_GENERATION = 2
"""Newest major version of the chart whose values this program was written for."""

_PROBES: Tree = {"livenessProbe": None, "readinessProbe": None}
_POD: Tree = {
    "image": None,
    "imagePullPolicy": None,
    "resources": None,
    "env": None,
    "podSecurityContext": None,
    "containerSecurityContext": None,
    "initContainers": None,
    "extraContainers": None,
    "volumes": None,
    "volumeMounts": None,
    "nodeSelector": None,
    "affinity": None,
    "tolerations": None,
    **_PROBES,
}
_ACCOUNT: Tree = {"create": None, "name": None, "annotations": None}
_HPA: Tree = {
    "enabled": None,
    "minReplicaCount": None,
    "maxReplicaCount": None,
    "metric": None,
    "extraMetrics": None,
    "behavior": None,
}
_WORKER: Tree = {
    **_POD,
    "name": None,
    "queues": None,
    "replicas": None,
    "syncSlots": None,
    "hpa": _HPA,
    "terminationGracePeriodSeconds": None,
    "canUseKubernetesPodOperator": None,
    "serviceAccount": _ACCOUNT,
}
_SIDECAR: Tree = {
    "enabled": None,
    "name": None,
    "image": None,
    "imagePullPolicy": None,
    "preStopSleepSeconds": None,
    "env": None,
    "securityContext": None,
    "volumeMounts": None,
    "resources": None,
    "config": None,
}

KNOWN: Tree = {
    "resourceNamePrefix": None,
    "createNamespace": None,
    "namespace": None,
    "astroDeploymentAPIURL": None,
    "image": None,
    "imagePullPolicy": None,
    "imagePullSecretName": None,
    "imagePullSecretData": None,
    "agentTokenSecretName": None,
    "agentToken": None,
    "agentTokenFile": None,
    "sentinelAuthSecretName": None,
    "sentinelAuthSecret": None,
    "sentinelAuthSecretFile": None,
    "secretBackend": None,
    "xcomBackend": None,
    "stateStoreBackend": None,
    "dagBundleConfigList": None,
    "commonEnv": None,
    "openLineage": {
        "enabled": None,
        "apiKeySecret": None,
        "apiKey": None,
        "namespace": None,
        "url": None,
        "endpoint": None,
        "facetsEnvironmentVariables": None,
    },
    "logLevel": None,
    "labels": None,
    "annotations": None,
    "podSecurityContext": None,
    "containerSecurityContext": None,
    "serviceAccount": {
        "annotations": None,
        "workers": _ACCOUNT,
        "dagProcessor": _ACCOUNT,
        "triggerer": _ACCOUNT,
        "sentinel": _ACCOUNT,
    },
    "loggingSidecar": _SIDECAR,
    "workers": [_WORKER],
    "dagProcessor": _POD,
    "triggerer": {**_POD, "replicas": None, "asyncSlots": None},
    "sentinel": {**_POD, "enabled": None, "port": None, "config": None},
}

SINCE: Mapping[str, tuple[int, int, int]] = {
    "image": (2, 0, 0),
    "imagePullPolicy": (2, 0, 0),
    "agentTokenFile": (2, 0, 0),
    "sentinelAuthSecretName": (2, 0, 0),
    "sentinelAuthSecret": (2, 0, 0),
    "sentinelAuthSecretFile": (2, 0, 0),
    "sentinel": (2, 0, 0),
    "serviceAccount.sentinel": (2, 0, 0),
    "stateStoreBackend": (2, 3, 0),
    "openLineage.endpoint": (2, 0, 0),
    "openLineage.facetsEnvironmentVariables": (2, 0, 0),
    "loggingSidecar.imagePullPolicy": (2, 0, 0),
    "loggingSidecar.preStopSleepSeconds": (2, 0, 0),
}
"""Keys added after the first chart, with the chart version that added them."""

MANAGED: Mapping[str, str] = {
    "resourceNamePrefix": "agent.prefix",
    "createNamespace": "agent.createNamespace",
    "namespace": "agent.namespace",
    "astroDeploymentAPIURL": "agent.apiUrl",
    "image": "agent.image or image",
    "imagePullSecretName": "agent.imagePullSecret",
    "imagePullSecretData": "registry and the secret key registryPassword",
    "agentTokenSecretName": "agent.agentTokenSecret",
    "agentToken": "the secret key agentToken",
    "agentTokenFile": "agent.agentTokenSecret",
    "sentinelAuthSecretName": "agent.sentinelAuthSecret",
    "sentinelAuthSecret": "the secret key sentinelAuth",
    "sentinelAuthSecretFile": "agent.sentinelAuthSecret",
    "dagBundleConfigList": "dags",
    "workers": "agent.workers",
    "secretBackend": "agent.secretsBackend",
    "xcomBackend": "agent.xcom",
    "stateStoreBackend": "agent.stateStore",
    "openLineage.enabled": "agent.openLineage.enabled",
    "openLineage.apiKey": "the secret key openLineageApiKey",
    "openLineage.apiKeySecret": "agent.openLineage.apiKeySecret",
}
"""Values that only this program sets -> the setting that determines them."""


def unknown_paths(
    values: Mapping[str, Any], tree: Tree = KNOWN, prefix: str = ""
) -> Iterator[tuple[str, list[str]]]:
    """Yield every path of ``values`` that ``tree`` lacks, with the keys that it has in that position."""
    for key, value in values.items():
        path = f"{prefix}{key}"
        if key not in tree:
            yield path, sorted(tree)
            continue
        below = tree[key]
        if isinstance(below, dict) and isinstance(value, Mapping):
            yield from unknown_paths(value, below, f"{path}.")
        elif isinstance(below, list) and isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, Mapping):
                    yield from unknown_paths(item, below[0], f"{path}[{index}].")


@dataclass(frozen=True)
class UnknownValue:
    """A raw value under a key that the table lacks."""

    key: str
    """Stack key, for example `agent.workers[0].values.keda`."""
    path: Path
    """Path in the chart's values, for example ("workers", 0, "keda")."""
    known: tuple[str, ...]
    """Keys that the table has in that position."""
    escape: str
    """Stack key for a reason to send it anyway."""
    reason: str | None
    """That reason; None if the stack gives none."""

    @property
    def name(self) -> str:
        """The key itself."""
        return str(self.path[-1])


def unknown_values(agent: Agent) -> Iterator[UnknownValue]:
    """Every raw value of the stack under a key that the table lacks."""
    for at, component, path, tree in _blocks(agent):
        for text, known in unknown_paths(component.values, tree):
            yield UnknownValue(
                key=f"{at}.values.{text}",
                path=(*path, *_parts(text)),
                known=tuple(known),
                escape=f"{at}.unknownValues.{text}",
                reason=component.unknown_values.get(text),
            )


def needless_escapes(agent: Agent) -> Iterator[tuple[str, str]]:
    """(stack key, what is wrong) of every entry of `unknownValues` that is not needed."""
    for at, component, _, tree in _blocks(agent):
        unknown = {text for text, _ in unknown_paths(component.values, tree)}
        for name in component.unknown_values:
            if name in unknown:
                continue
            known = _holds(component.values, name)
            why = "the chart knows" if known or name in tree else f"{at}.values does not contain"
            yield f"{at}.unknownValues.{name}", f"names a value that {why}; remove it"


def _blocks(agent: Agent) -> Iterator[tuple[str, Agent | Component, Path, Tree]]:
    """(stack key, section, path in the chart, its table) of every section with raw values."""
    yield "agent", agent, (), KNOWN
    for index, worker in enumerate(agent.workers):
        yield f"agent.workers[{index}]", worker, ("workers", index), KNOWN["workers"][0]
    for name, component in agent.components.items():
        yield f"agent.{name}", component, (name,), KNOWN[name]


def _parts(text: str) -> Path:
    parts: list[str | int] = []
    for part in text.split("."):
        name, _, index = part.partition("[")
        parts += [name, *([int(index.rstrip("]"))] if index else [])]
    return tuple(parts)


def managed_paths(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every path of ``values`` that this program manages, with the setting to use instead."""
    yield from ((path, setting) for path, setting in MANAGED.items() if _holds(values, path))


def too_new_paths(values: Mapping[str, Any], release: tuple[int, int, int]) -> Iterator[tuple[str, str]]:
    """Yield every path of ``values`` that chart version ``release`` lacks, with the version that added it."""
    for path, since in SINCE.items():
        if release < since and _holds(values, path):
            yield path, ".".join(map(str, since))


def _holds(values: Mapping[str, Any], path: str) -> bool:
    node: Any = values
    for part in path.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return False
        node = node[part]
    return True
