"""From settings and plan to the values of the agent's chart, for chart 1.x or 2.x.

The chart's `workers` is a list, which Helm replaces as a whole, so an entry has every key of the file that the Astro UI
generates (source: that file for chart 2.0.0 and 1.0.2), not only those that differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from delivery import logs
from delivery.environment import env_var
from delivery.identity import identity_values, worker_account
from delivery.objects import pod_labels
from delivery.plan import EnvVar, Plan
from delivery.stores import store_environment
from delivery.withheld import without_withheld
from domain.merge import merge, without_empties
from domain.security import RESTRICTED_CONTAINER
from settings.agent import Component, Worker
from settings.stack import Settings

_PROBE = {
    "httpGet": {"path": "healthz", "port": 39091},
    "initialDelaySeconds": 5,
    "periodSeconds": 5,
    "failureThreshold": 3,
    "successThreshold": 1,
    "timeoutSeconds": 5,
}
_WORKER_AMOUNTS = {"cpu": "1", "memory": "2Gi", "ephemeral-storage": "1Gi"}
_WORKER_RESOURCES = {"limits": _WORKER_AMOUNTS, "requests": _WORKER_AMOUNTS}
_SCALING_BEHAVIOR = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
    },
    "scaleDown": {"stabilizationWindowSeconds": 300},
}
JOINED = frozenset({"commonEnv", "env", "initContainers", "extraContainers", "volumes", "volumeMounts"})
"""Lists to which the user's entries are appended."""
_WRITABLE = {"tmp": "/tmp", "airflow-logs": logs.FOLDER}  # noqa: S108 - folders of the container
"""Folders that agents write to; bundles, Cosmos' cache and dbt's target folders are all under /tmp."""


def chart_values(settings: Settings, plan: Plan, *, image: Any = None) -> dict[str, Any]:
    """Values of the chart, except for the names of the Secrets, which the AgentRelease component adds.

    Precedence, highest first: typed settings, the component's `values`, `agent.values`, the defaults of a worker.
    ``image`` is the agents' image (text or Pulumi output), or None for the chart's default.
    """
    agent = settings.agent
    decided = decided_values(settings, plan, image=image)
    raw: dict[str, Any] = dict(agent.values)
    for name, component in agent.components.items():
        if name in decided:
            raw[name] = merge(_mapping(raw.get(name)), component.values, join=JOINED)
    workers = [
        merge(merge(worker_defaults(worker), worker.values), typed, join=JOINED)
        for typed, worker in zip(decided["workers"], agent.workers, strict=True)
    ]
    merged: dict[str, Any] = without_empties(merge(raw, {**decided, "workers": workers}, join=JOINED))
    _order(merged, "commonEnv", agent.env_order)
    for block, worker in zip(merged["workers"], agent.workers, strict=True):
        _order(block, "env", worker.env_order)
    for name, component in agent.components.items():
        _order(merged.get(name, {}), "env", component.env_order)
    return merged


def _order(block: dict[str, Any], key: str, names: Sequence[str]) -> None:
    """Put the variables of a block into an order: a Pod's template changes with it."""
    if names and key in block:
        place = {name: index for index, name in enumerate(names)}
        block[key] = sorted(block[key], key=lambda item: place.get(item["name"], len(place)))


def decided_values(settings: Settings, plan: Plan, *, image: Any = None) -> dict[str, Any]:
    """The part of the values that the typed settings determine, including their defaults."""
    agent = settings.agent
    first_generation = not agent.chart.has_sentinel
    values: dict[str, Any] = {
        "resourceNamePrefix": agent.prefix,
        "createNamespace": False,
        "namespace": agent.namespace,
        "astroDeploymentAPIURL": agent.api_url,
        "dagBundleConfigList": plan.bundle_config_list(),
        "commonEnv": [item.manifest() for item in _common_environment(settings, plan).values()],
        "openLineage": _open_lineage(settings),
        "workers": [_worker(index, plan, settings, image) for index in range(len(agent.workers))],
        "dagProcessor": _component(agent.dag_processor, plan, settings, kind="dagProcessor"),
        "triggerer": _component(agent.triggerer, plan, settings, kind="triggerer") | _triggerer(settings),
    }
    if agent.secrets_backend:
        values["secretBackend"] = agent.secrets_backend.class_path
    if agent.xcom:
        values["xcomBackend"] = agent.xcom.backend
    if agent.state_store:
        values["stateStoreBackend"] = agent.state_store.class_path
    values |= identity_values(agent)
    sidecar = logs.sidecar_values(agent)
    if sidecar is not None:
        values["loggingSidecar"] = sidecar
    if agent.pod_security == "restricted":
        values |= _restricted()
    if first_generation:
        if image is not None:
            values["dagProcessor"]["image"] = values["triggerer"]["image"] = image
    else:
        values["sentinel"] = _sentinel(settings)
        if image is not None:
            values["image"] = image
    return without_withheld(values, agent)


def _common_environment(settings: Settings, plan: Plan) -> dict[str, EnvVar]:
    """Variables by name, in order of first appearance; `agent.env` comes last, so it overrides what the program sets."""
    return {item.name: item for item in _variables(settings, plan)}


def _variables(settings: Settings, plan: Plan) -> Iterable[EnvVar]:
    agent = settings.agent
    yield EnvVar("ASTRO_ORGANIZATION_ID", agent.ids.organization)
    yield EnvVar("ASTRO_WORKSPACE_ID", agent.ids.workspace)
    yield EnvVar("ASTRO_DEPLOYMENT_ID", agent.ids.deployment)
    yield EnvVar("ASTRO_DEPLOYMENT_NAMESPACE", agent.ids.deployment_namespace)
    yield from store_environment(agent)
    yield from logs.log_environment(agent)
    yield from plan.environment
    for name, value in sorted(agent.env.items()):
        yield env_var(name, value)


def _component(
    component: Component, plan: Plan | None, settings: Settings, *, kind: str = ""
) -> dict[str, Any]:
    """Values that every component has; a component without a plan (the sentinel) mounts nothing for Git."""
    values: dict[str, Any] = {}
    if component.env:
        values["env"] = [env_var(name, value).manifest() for name, value in sorted(component.env.items())]
    if component.resources:
        values["resources"] = component.resources.model_dump(by_alias=True, exclude_none=True)
    if component.node_selector:
        values["nodeSelector"] = dict(component.node_selector)
    if component.tolerations:
        values["tolerations"] = [dict(item) for item in component.tolerations]
    if component.affinity or component.spread:
        values["affinity"] = _affinity(component, kind)
    if component.priority_class:
        values["priorityClassName"] = component.priority_class
    volumes, mounts = logs.log_volumes(settings.agent) if kind in logs.WRITERS else ([], [])
    if plan is not None:
        volumes += [mount.volume() for mount in plan.mounts]
        mounts += [mount.volume_mount() for mount in plan.mounts]
    if settings.agent.pod_security == "restricted":
        taken = {mount["mountPath"] for mount in mounts}
        writable = {name: path for name, path in _WRITABLE.items() if path not in taken}
        volumes += [{"name": name, "emptyDir": {}} for name in writable]
        mounts += [{"name": name, "mountPath": path} for name, path in writable.items()]
        values["containerSecurityContext"] = dict(RESTRICTED_CONTAINER)
    if volumes:
        values |= {"volumes": volumes, "volumeMounts": mounts}
    return values


def _affinity(component: Component, kind: str) -> dict[str, Any]:
    spread = component.spread
    if spread is None:
        return dict(component.affinity)
    term = {"labelSelector": {"matchLabels": pod_labels(kind)}, "topologyKey": spread.topology_key}
    apart: dict[str, Any] = (
        {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
        if spread.required
        else {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}
    )
    return {**component.affinity, "podAntiAffinity": apart}


def worker_defaults(worker: Worker) -> dict[str, Any]:
    """Defaults of a worker, for what neither its settings nor its `values` set.

    The chart has no defaults for them, because `workers` is a list. Resources, probes and scaling behaviour are replaced as
    a whole, because a mixture of both would make no sense.
    """
    autoscaling: dict[str, Any] = {
        "metric": {"enabled": True, "name": "astro_agent_client_queued_or_running_tasks"}
    }
    if "behavior" not in _mapping(worker.values.get("hpa")):
        autoscaling["behavior"] = _SCALING_BEHAVIOR
    whole = {"resources": _WORKER_RESOURCES, "livenessProbe": _PROBE, "readinessProbe": _PROBE}
    given = {*worker.values, *(("resources",) if worker.resources else ())}
    defaults = {
        "syncSlots": 20,
        "hpa": autoscaling,
        **{key: value for key, value in whole.items() if key not in given},
    }
    return {key: value for key, value in defaults.items() if key not in worker.withheld}


def _worker(index: int, plan: Plan, settings: Settings, image: Any) -> dict[str, Any]:
    worker = settings.agent.workers[index]
    first_generation = not settings.agent.chart.has_sentinel
    values: dict[str, Any] = {
        "name": worker.name,
        "queues": ",".join(worker.queues),
        "replicas": _replicas(worker),
        "hpa": _autoscaling(worker, first_generation=first_generation),
        "terminationGracePeriodSeconds": worker.termination_grace_period_seconds,
    }
    if worker.slots:
        values["syncSlots"] = worker.slots
    if not first_generation:
        values["canUseKubernetesPodOperator"] = worker.kubernetes_pod_operator
    account = worker_account(settings.agent, index)
    if account is not None:
        values["serviceAccount"] = account
    own_image = worker.image or (image if first_generation else None)
    if own_image is not None:
        values["image"] = own_image
    return values | _component(worker, plan, settings, kind="workers")


def _replicas(worker: Worker) -> int:
    """Pods of the Deployment as the chart writes it: KEDA knows better, but a release must not take away the last one."""
    if worker.autoscaling and worker.autoscaling.keda:
        return max(1, worker.autoscaling.min_replicas)
    return worker.replicas


def _autoscaling(worker: Worker, *, first_generation: bool) -> dict[str, Any]:
    scaling = worker.autoscaling if worker.autoscaling and not worker.autoscaling.keda else None
    # Chart 1.x spells this key with a capital V.
    target_key = "Value" if first_generation else "value"
    return {
        "enabled": scaling is not None,
        "minReplicaCount": scaling.min_replicas if scaling else 1,
        "maxReplicaCount": scaling.max_replicas if scaling else 1,
        "metric": {"target": {"type": "Value", target_key: scaling.target if scaling else 20}},
    }


def _triggerer(settings: Settings) -> dict[str, Any]:
    triggerer = settings.agent.triggerer
    values: dict[str, Any] = {"replicas": triggerer.replicas}
    if triggerer.slots:
        values["asyncSlots"] = triggerer.slots
    return values


def _sentinel(settings: Settings) -> dict[str, Any]:
    sentinel = settings.agent.sentinel
    values: dict[str, Any] = {"enabled": sentinel.enabled, **_component(sentinel, None, settings)}
    if sentinel.image:
        values["image"] = sentinel.image
    return values


def _open_lineage(settings: Settings) -> dict[str, Any]:
    """All keys always, because chart 2.2.0 fails without the newer ones."""
    lineage, ids = settings.agent.open_lineage, settings.agent.ids
    values: dict[str, Any] = {"enabled": lineage.enabled}
    if lineage.enabled:
        values |= {"namespace": lineage.namespace or ids.deployment_namespace, "url": lineage.url}
    if settings.agent.chart.has_sentinel:
        identity = {
            "ASTRO_DEPLOYMENT_ID": ids.deployment,
            "ASTRO_DEPLOYMENT_NAMESPACE": ids.deployment_namespace,
            "ASTRO_ORGANIZATION_ID": ids.organization,
            "ASTRO_WORKSPACE_ID": ids.workspace,
        }
        query = "&".join(f"{name}={value}" for name, value in identity.items())
        values |= {"endpoint": f"/api/v1/lineage?{query}", "facetsEnvironmentVariables": sorted(identity)}
    return values


def _restricted() -> dict[str, Any]:
    """Security contexts for the restricted pod security standard (docs page remote-agents-restricted-kubernetes)."""
    return {
        "podSecurityContext": {
            "runAsUser": 50000,
            "fsGroup": 50000,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": dict(RESTRICTED_CONTAINER),
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
