"""The workloads of a Helm release as they are in the cluster, read in a few requests.

Helm waits for these and reports only that it waited too long; what Kubernetes says about them is in Pods, ReplicaSets and
events, which an atomic rollback deletes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from clients.kubernetes import Cluster, RefusedError

Document = Mapping[str, Any]
"""A Kubernetes object as JSON."""

_RELEASE = "meta.helm.sh/release-name"
_REVISION = "deployment.kubernetes.io/revision"
_LOG_LINES = 8
_LOG_BYTES = 16_384


@dataclass(frozen=True)
class Workload:
    """What a Deployment, StatefulSet or DaemonSet of a release runs now."""

    kind: str
    """Such as Deployment."""
    name: str
    """Its name."""
    owner: str
    """UID of the object that creates its Pods: for a Deployment, the ReplicaSet of its current template."""
    conditions: tuple[Document, ...] = ()
    """Conditions of that object."""
    pods: tuple[Document, ...] = ()
    """Its Pods, without those that are being deleted."""
    events: Mapping[str, tuple[Document, ...]] = field(default_factory=dict)
    """UID of a Pod or of the owner -> warnings about it, the newest last."""


def read_workloads(cluster: Cluster, *, namespace: str, release: str) -> tuple[Workload, ...]:
    """The workloads of a release; what may not be read counts as missing. Raises ClusterError or RefusedError."""
    apps, core = f"/apis/apps/v1/namespaces/{namespace}", f"/api/v1/namespaces/{namespace}"
    pods = _list(cluster, f"{core}/pods")
    sets = _list(cluster, f"{apps}/replicasets")
    found: list[Workload] = []
    for kind, path in (
        ("Deployment", "deployments"),
        ("StatefulSet", "statefulsets"),
        ("DaemonSet", "daemonsets"),
    ):
        for item in _list(cluster, f"{apps}/{path}"):
            if (item["metadata"].get("annotations") or {}).get(_RELEASE) != release:
                continue
            owner = _current_set(item, sets) if kind == "Deployment" else item
            if owner is not None:
                found.append(_workload(kind, item, owner, pods))
    if all(workload.pods and all(is_ready(pod) for pod in workload.pods) for workload in found):
        return tuple(found)
    warnings = _list(cluster, f"{core}/events", query={"fieldSelector": "type=Warning"})
    return tuple(_with_events(workload, warnings) for workload in found)


def read_log(cluster: Cluster, pod: Document, container: str, *, previous: bool) -> tuple[str, ...]:
    """The last lines that a container wrote, or that its predecessor did before it ended; empty if there are none."""
    metadata = pod["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log"
    query = {
        "container": container,
        "tailLines": str(_LOG_LINES),
        "limitBytes": str(_LOG_BYTES),
        "previous": str(previous).lower(),
    }
    try:
        text = cluster.text(path, query=query)
    except RefusedError:
        return ()  # no container was ever started, its log is gone, or logs may not be read
    lines = text.splitlines()
    if len(text.encode()) >= _LOG_BYTES:
        lines = lines[:-1]  # it may be cut, and half a secret would not be recognised
    return tuple(line for line in lines if line.strip())[-_LOG_LINES:]


def _list(cluster: Cluster, path: str, *, query: dict[str, str] | None = None) -> list[Document]:
    try:
        return list(cluster.get(path, query=query).get("items") or [])
    except RefusedError as error:
        if error.status not in {403, 404}:
            raise
        return []


def _current_set(deployment: Document, sets: Iterable[Document]) -> Document | None:
    revision = (deployment["metadata"].get("annotations") or {}).get(_REVISION)
    for item in sets:
        if (
            _owned_by(item, deployment)
            and (item["metadata"].get("annotations") or {}).get(_REVISION) == revision
        ):
            return item
    return None


def _owned_by(item: Document, owner: Document) -> bool:
    references = item["metadata"].get("ownerReferences") or []
    return any(reference.get("uid") == owner["metadata"]["uid"] for reference in references)


def _workload(kind: str, item: Document, owner: Document, pods: Iterable[Document]) -> Workload:
    return Workload(
        kind=kind,
        name=item["metadata"]["name"],
        owner=owner["metadata"]["uid"],
        conditions=tuple((owner.get("status") or {}).get("conditions") or ()),
        pods=tuple(
            pod for pod in pods if _owned_by(pod, owner) and not pod["metadata"].get("deletionTimestamp")
        ),
    )


def is_ready(pod: Document) -> bool:
    """Whether a Pod counts as ready."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)


def _with_events(workload: Workload, warnings: Iterable[Document]) -> Workload:
    uids = {workload.owner, *(pod["metadata"]["uid"] for pod in workload.pods)}
    found: dict[str, list[Document]] = {}
    for event in sorted(warnings, key=_time):
        uid = (event.get("involvedObject") or {}).get("uid") or ""
        if uid in uids:
            found.setdefault(uid, []).append(event)
    return replace(workload, events={uid: tuple(items) for uid, items in found.items()})


def _time(event: Document) -> str:
    series = event.get("series") or {}
    seen = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(seen or event["metadata"].get("creationTimestamp") or "")
