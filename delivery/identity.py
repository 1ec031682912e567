"""The chart's service accounts and labels for a workload identity.

Sources: docs.aws.amazon.com/eks (associate-service-account-role, pod-id-association), cloud.google.com/kubernetes-engine
(how-to/workload-identity), azure.github.io/azure-workload-identity (topics/service-account-labels-and-annotations).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from domain.chart import object_name
from settings.agent import Agent
from settings.identity import Identity

POD_LABELS = {"azure.workload.identity/use": "true"}
"""Label with which Azure's webhook reads a Pod's service account; the chart sets it on all Pods, which is harmless."""


@dataclass(frozen=True)
class Account:
    """The service account of one component and the identity behind it."""

    at: str
    """Stack key that decides the identity."""
    name: str
    """Name of the service account."""
    identity: Identity
    """Identity."""


def account_annotations(identity: Identity) -> dict[str, str]:
    """Annotations of the service account; none for EKS Pod Identity, which associates it by its name."""
    if identity.aws:
        return {"eks.amazonaws.com/role-arn": identity.aws.role_arn} if identity.aws.by == "irsa" else {}
    if identity.gcp:
        return {"iam.gke.io/gcp-service-account": identity.gcp.service_account}
    found = {}
    if identity.azure:
        found["azure.workload.identity/client-id"] = identity.azure.client_id
        if identity.azure.tenant_id:
            found["azure.workload.identity/tenant-id"] = identity.azure.tenant_id
    return found


def identity_values(agent: Agent) -> dict[str, Any]:
    """The chart's top-level `serviceAccount` and `labels`, as far as identities decide them."""
    accounts: dict[str, Any] = {}
    workers = worker_identities(agent)
    if _alike(workers) and workers[0] is not None:
        accounts["workers"] = _account(workers[0])
    for kind, identity in component_identities(agent).items():
        if identity is None:
            continue
        accounts[kind] = _account(identity)
        if identity.account is None and _associated(identity):
            accounts[kind]["name"] = object_name(agent.prefix, kind)  # what the association names
    values: dict[str, Any] = {"serviceAccount": accounts} if accounts else {}
    if any(item is not None and item.azure for item in (*workers, *component_identities(agent).values())):
        values["labels"] = dict(POD_LABELS)
    return values


def worker_account(agent: Agent, index: int) -> dict[str, Any] | None:
    """A worker's own `serviceAccount`, where the identities of the workers differ; None where they don't."""
    workers = worker_identities(agent)
    identity = workers[index]
    return None if _alike(workers) or identity is None else _account(identity)


def worker_identities(agent: Agent) -> list[Identity | None]:
    """Identity of every worker: its own, or that of all agents."""
    return [worker.identity or agent.identity for worker in agent.workers]


def component_identities(agent: Agent) -> dict[str, Identity | None]:
    """Identity of the components that exist once; the sentinel reads no store and has only one that is given to it."""
    return {
        name: component.identity or (None if name == "sentinel" else agent.identity)
        for name, component in agent.components.items()
        if name != "sentinel" or agent.chart.has_sentinel
    }


def accounts(agent: Agent) -> Iterator[Account]:
    """Every service account with an identity."""
    for index, identity in enumerate(worker_identities(agent)):
        worker = agent.workers[index]
        if identity is not None:
            at = f"agent.workers[{index}].identity" if worker.identity else "agent.identity"
            yield Account(at, identity.account or object_name(agent.prefix, "workers", worker.name), identity)
    for name, identity in component_identities(agent).items():
        if identity is not None:
            at = f"agent.{name}.identity" if agent.components[name].identity else "agent.identity"
            yield Account(at, identity.account or object_name(agent.prefix, name), identity)


def _alike(identities: list[Identity | None]) -> bool:
    return all(item == identities[0] for item in identities)


def _associated(identity: Identity) -> bool:
    return identity.aws is not None and identity.aws.by == "pod-identity"


def _account(identity: Identity) -> dict[str, Any]:
    if identity.account is not None:
        return {"create": False, "name": identity.account}
    found = account_annotations(identity)
    return {"create": True, **({"annotations": found} if found else {})}
