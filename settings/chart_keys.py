"""The values that the agent's chart knows, and those that this program manages.

Source: the values files that the Astro UI generates for chart 1.0.2 and 2.0.0, and the chart's release notes up to 2.3.3
(astronomer.io/docs/astro/agent-helm-chart-release-notes). The chart itself ignores a key it does not know, so a typing
error would go unnoticed without this table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Tree = dict[str, Any]
"""Key -> tree of its keys; `None` where anything may follow; a list of one tree for a list of mappings."""

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
"""Keys that came after the first chart, with the chart version that brought them."""

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
"""Values that only this program sets -> the setting that decides them."""


def unknown_paths(
    values: Mapping[str, Any], tree: Tree = KNOWN, prefix: str = ""
) -> Iterator[tuple[str, list[str]]]:
    """Yield every path of ``values`` that ``tree`` does not know, with the keys it knows at that place."""
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


def managed_paths(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every path of ``values`` that this program manages, with the setting to use instead."""
    yield from ((path, setting) for path, setting in MANAGED.items() if _holds(values, path))


def too_new_paths(values: Mapping[str, Any], release: tuple[int, int, int]) -> Iterator[tuple[str, str]]:
    """Yield every path of ``values`` that the chart of version ``release`` lacks, with the version that has it."""
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
