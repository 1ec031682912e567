"""Objects next to the chart's: what scales workers by KEDA, and what keeps Pods while nodes are drained.

Sources: keda.sh (reference/scaledobject-spec, scalers/prometheus), kubernetes.io (PodDisruptionBudget, policy/v1). The labels
`app` and `component` of the Pods are those of the agents' chart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from domain.chart import component_label, object_name
from settings.agent import Agent, Worker
from settings.scaling import Keda

KEDA_API, SCALED_OBJECT = "keda.sh/v1alpha1", "ScaledObject"


def pod_labels(kind: str) -> dict[str, str]:
    """Labels of a component's Pods, by its key in the chart."""
    return {"app": "astro-agent", "component": component_label(kind)}


def deployment_of(agent: Agent, worker: Worker) -> str:
    """Name of a worker's Deployment."""
    return object_name(agent.prefix, "workers", worker.name)


def objects(agent: Agent) -> Iterator[Mapping[str, Any]]:
    """Manifests of the objects that this program creates next to the release, without their namespace."""
    return (manifest for _, manifest in objects_by_key(agent))


def objects_by_key(agent: Agent) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(stack key, manifest) of the same objects."""
    for index, worker in enumerate(agent.workers):
        if worker.autoscaling and worker.autoscaling.keda:
            at = f"agent.workers[{index}].autoscaling.keda"
            yield at, _scaled_object(agent, worker, worker.autoscaling.keda)
    for kind, budget in agent.budgets.items():
        spec: dict[str, Any] = {"selector": {"matchLabels": budget.selector or pod_labels(kind)}}
        if budget.min_available is not None:
            spec["minAvailable"] = budget.min_available
        else:
            spec["maxUnavailable"] = budget.max_unavailable
        name = object_name(agent.prefix, kind)
        yield (
            f"agent.disruptionBudgets.{kind}",
            {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": name},
                "spec": spec,
            },
        )


def _scaled_object(agent: Agent, worker: Worker, keda: Keda) -> Mapping[str, Any]:
    scaling = worker.autoscaling
    name = deployment_of(agent, worker)
    spec: dict[str, Any] = {
        "scaleTargetRef": {"name": name},
        "minReplicaCount": scaling.min_replicas if scaling else 1,
        "maxReplicaCount": scaling.max_replicas if scaling else 1,
        "triggers": [dict(trigger) for trigger in keda.triggers]
        or [_prometheus(name, keda, scaling.target if scaling else 1)],
    }
    if keda.polling_interval is not None:
        spec["pollingInterval"] = keda.polling_interval
    if keda.cooldown_period is not None:
        spec["cooldownPeriod"] = keda.cooldown_period
    return {"apiVersion": KEDA_API, "kind": SCALED_OBJECT, "metadata": {"name": name}, "spec": spec}


def _prometheus(deployment: str, keda: Keda, target: int) -> dict[str, Any]:
    metadata = {
        "serverAddress": str(keda.prometheus),
        "query": keda.query or default_query(deployment),
        "threshold": str(target),
    }
    if keda.auth_modes:
        metadata["authModes"] = keda.auth_modes
    trigger: dict[str, Any] = {"type": "prometheus", "metadata": metadata}
    if keda.authentication:
        trigger["authenticationRef"] = {"name": keda.authentication}
    return trigger


def default_query(deployment: str) -> str:
    """Queued and running tasks of a worker, as the chart's own metric counts them: the `job` label is the Deployment's name."""
    return f'max(astro_agent_client_queue_stats{{job={json.dumps(deployment)},state=~"queued|running"}})'
