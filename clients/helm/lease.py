"""Which run is changing a Helm release: a Lease next to the release, and waiting for a Helm that may still be alive.

Helm's newest record shows that an operation is in progress, but not which process runs it. The official Kubernetes plugin,
and Helm in it, keeps running for minutes after its engine was killed, so a pending record alone does not show whether its
Helm is gone. The Lease (kubernetes.io/docs/concepts/architecture/leases) names the processes, and the longest time that they
can take.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clients.helm.history import WORKING, ReleaseState, Revision, release_state
from clients.kubernetes import Cluster, RefusedError
from clients.processes import Process, machine

PAUSE = 2.0
"""Seconds between two reads of the record."""
_TELL = 30.0
"""Seconds between two reports during a long wait."""
_TAKES_BACK = 30.0
"""Seconds within which a Helm that has recorded a failure begins to take an atomic change back.

Before the rollback it deletes what the change had created (`cleanup_on_fail`; helm/helm v3, pkg/action/upgrade.go).
"""


@dataclass(frozen=True)
class Holder:
    """The run that is changing a release."""

    machine: str | None
    """Machine that it runs on; None if unknown."""
    processes: tuple[Process, ...]
    """Processes that run Helm; empty if unknown."""
    seconds: int
    """Longest time in seconds that Helm may take, from the record's creation."""

    def text(self) -> str:
        """The Lease's holderIdentity."""
        return json.dumps(
            {"machine": self.machine, "processes": [[p.pid, p.started] for p in self.processes]}
        )

    def ended(self) -> bool | None:
        """Whether all its processes are gone; None if this machine cannot tell."""
        if self.machine is None or self.machine != machine() or not self.processes:
            return None
        return not any(process.alive for process in self.processes)


def _path(namespace: str, release: str = "") -> str:
    base = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    return f"{base}/{release}-helm" if release else base


def take(cluster: Cluster, *, namespace: str, release: str, holder: Holder) -> None:
    """Record who is changing the release from now on; skipped if the account may not write Leases. Raises RemoteError."""
    lease: dict[str, Any] = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": f"{release}-helm", "namespace": namespace},
        "spec": {
            "holderIdentity": holder.text(),
            "leaseDurationSeconds": holder.seconds,
            "acquireTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }
    try:
        give_back(cluster, namespace=namespace, release=release)
        cluster.post(_path(namespace), lease)
    except RefusedError as error:
        if error.status not in {
            403,
            404,
        }:  # 404: the namespace does not exist yet, so there is no release in it
            raise


def give_back(cluster: Cluster, *, namespace: str, release: str) -> None:
    """Remove the Lease; ignored if it does not exist or may not be removed. Raises RemoteError."""
    try:
        cluster.delete(_path(namespace, release), {"apiVersion": "v1", "kind": "DeleteOptions"})
    except RefusedError as error:
        if error.status not in {403, 404}:
            raise


def holder_of(cluster: Cluster, *, namespace: str, release: str) -> Holder | None:
    """Holder of the release's Lease; None if there is none, or it cannot be read. Raises RemoteError."""
    try:
        spec = cluster.get(_path(namespace, release))["spec"]
        identity = json.loads(spec["holderIdentity"])
        processes = tuple(Process(int(pid), int(started)) for pid, started in identity["processes"])
        return Holder(identity["machine"], processes, int(spec["leaseDurationSeconds"]))
    except RefusedError as error:
        if error.status not in {403, 404}:
            raise
        return None
    except (KeyError, TypeError, ValueError):
        return None


def wait_for_helm(
    cluster: Cluster,
    *,
    namespace: str,
    release: str,
    seconds: int,
    report: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> ReleaseState:
    """Wait while a Helm may still be changing the release, and return the release's state afterwards.

    The wait lasts as long as the newest record is pending or being uninstalled, unless the processes are known to be gone, or
    Helm's time limit has passed since the record was created: ``seconds``, if the Lease names none. A record that has just
    failed does not end it, because an atomic change that fails is taken back by the same Helm. ``report`` gets a sentence at the
    start of the wait and every half minute. Raises RemoteError.
    """
    next_report = 0.0
    while True:
        state = release_state(cluster, namespace=namespace, name=release)
        if state.status not in WORKING | {"failed"}:
            return state
        newest = state.revisions[0]
        holder = holder_of(cluster, namespace=namespace, release=release)
        left = _left(newest, holder, seconds)
        if left <= 0 or (holder is not None and holder.ended()):
            return state
        if time.monotonic() >= next_report:
            next_report = time.monotonic() + _TELL
            report(_sentence(newest, holder, left, namespace))
        sleep(PAUSE)


def _left(newest: Revision, holder: Holder | None, seconds: int) -> float:
    """Seconds until no Helm can be at work on the newest revision any more, as far as its record shows."""
    if newest.status in WORKING:
        return (holder.seconds if holder else seconds) - _age(newest.created)
    if holder is None:
        return 0.0  # a failure that no run of this program is taking back
    return _TAKES_BACK - _age(newest.written or newest.created)


def _sentence(newest: Revision, holder: Holder | None, left: float, namespace: str) -> str:
    where = "its Helm may still be running on another machine"
    if holder is not None and holder.ended() is False:
        numbers = ", ".join(str(process.pid) for process in holder.processes if process.alive)
        where = f"process {numbers} of an interrupted run may still be running"
    told = f"revision {newest.revision} is {newest.status}, and {where}; waiting for it, at most {left:.0f} s"
    if newest.status not in WORKING:
        return told
    command = f"kubectl delete secret --namespace {namespace} {newest.secret}"
    return f"{told}. If you know that it is gone, end the wait with `{command}`"


def _age(moment: str) -> float:
    """Seconds since a Kubernetes timestamp; 0 if it cannot be parsed."""
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    except ValueError:
        return 0.0
