"""Samples of a running drill: ready workers, the Secrets' UIDs, and Helm's newest record."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from clients.errors import RemoteError
from clients.helm.history import PENDING, release_state
from clients.kubernetes import METADATA_ONLY, Cluster, connect
from drills.victims import plugins_of
from tests.support.engine import Stack

_PAUSE = 0.15


def cluster_of(stack: Stack, *, timeout: float = 5) -> Cluster:
    """The trial's API server, asked directly, whatever the stack's own kubeconfig says."""
    info = stack.environment.info()
    return connect(info.kubeconfig, info.context, root=Path(), timeout=timeout)


class Watch(threading.Thread):
    """Samples a stack's namespace until it is told to stop; an API server that does not answer gives no sample."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self._namespace, self._release = stack.namespace, "astro-agent"
        self._cluster = cluster_of(stack)
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.samples = 0
        self.expects_workers = False
        """Whether the agents are meant to run all the time now."""
        self.fewest: int | None = None
        """Fewest ready workers since `begin`; None without any sample."""
        self.fewest_of_all: int | None = None
        """Fewest of the whole drill."""
        self._uids: dict[str, str] = {}
        self._keeps_secrets = True
        self._killed: int | None = None
        self._pending: tuple[int, str] | None = None
        self.problems: list[str] = []
        """What no sample may show."""

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def begin(self, *, workers: bool, secrets: bool = True) -> None:
        """A new operation begins; ``workers``: the agents must keep running, ``secrets``: no Secret may become another object."""
        with self._lock:
            self.expects_workers, self.fewest, self._killed, self.problems = workers, None, None, []
            self._keeps_secrets = secrets

    def settle(self) -> None:
        """A run has converged: what it removed, such as the sentinel's Secret before chart 2.x, may come back as another object."""
        try:
            items = self._cluster.get(f"/api/v1/namespaces/{self._namespace}/secrets", accept=METADATA_ONLY)[
                "items"
            ]
        except RemoteError:
            return
        there = {item["metadata"]["name"] for item in items or []}
        with self._lock:
            self._uids = {name: uid for name, uid in self._uids.items() if name in there}

    def killed(self, leader: int) -> None:
        """The session of a run that was interrupted; while its Helm lives, nobody else may touch its record."""
        with self._lock:
            self._killed = leader

    def run(self) -> None:
        """Sample until the end."""
        while not self._ended.wait(_PAUSE):
            try:
                self._sample()
            except RemoteError:
                continue

    def _sample(self) -> None:
        base = f"/api/v1/namespaces/{self._namespace}"
        pods = self._cluster.get(f"{base}/pods", query={"labelSelector": "component=worker"})["items"] or []
        secrets = self._cluster.get(f"{base}/secrets", accept=METADATA_ONLY)["items"] or []
        state = release_state(self._cluster, namespace=self._namespace, name=self._release)
        newest = state.revisions[0] if state.revisions else None
        with self._lock:
            self.samples += 1
            ready = sum(map(is_ready, pods))
            if self.expects_workers:
                self.fewest = ready if self.fewest is None else min(self.fewest, ready)
                all_of = self.fewest_of_all
                self.fewest_of_all = self.fewest if all_of is None else min(all_of, self.fewest)
            for item in secrets:
                name, uid = item["metadata"]["name"], item["metadata"]["uid"]
                if not name.startswith("sh.helm."):
                    if self._keeps_secrets and self._uids.get(name, uid) != uid:
                        self._report(f"Secret {name} was replaced")
                    self._uids[name] = uid
            self._check_healing(
                (newest.revision, newest.uid) if newest and newest.status in PENDING else None,
                newest.revision if newest else 0,
            )

    def _check_healing(self, pending: tuple[int, str] | None, newest: int) -> None:
        before, self._pending = self._pending, pending
        gone = before is not None and newest < before[0]
        if gone and self._killed is not None and (alive := plugins_of(self._killed)):
            self._report(f"the record of revision {newest + 1} was removed while process {alive[0]} worked")

    def _report(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def is_ready(pod: dict[str, Any]) -> bool:
    """Whether all containers of a Pod are ready, by the word of its node.

    The condition `Ready` is not the node's alone: after a long outage of the API server the node lifecycle controller takes it from
    all Pods of nodes that it has not heard of, although nothing has happened to their containers.
    """
    conditions = pod.get("status", {}).get("conditions") or []
    return "deletionTimestamp" not in pod["metadata"] and any(
        item["type"] == "ContainersReady" and item["status"] == "True" for item in conditions
    )
