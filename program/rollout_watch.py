"""Watching a release while Helm waits for it, so that a failure can name its Pods and their reasons.

Helm reports only that it waited too long, and an atomic rollback deletes the Pods with their warnings and logs before Pulumi
learns of the failure. So they are read during the wait, in a thread of the program, which runs next to Helm until the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pulumi

from clients.errors import RemoteError
from clients.helm.history import WORKING, release_state
from clients.helm.pod_failures import PodFailure, Reason, failures, hopeless_owners
from clients.helm.rollout import Workload, read_log, read_workloads
from clients.kubernetes import Cluster
from preflight.connection import open_cluster
from program.plugin_stop import cancel_helm, end_plugin
from program.repair import PLUGIN
from program.rollout_report import Described, Log, Wording, grouped
from program.watch_thread import UNREADABLE, WatchThread
from settings.stack import Settings

_PAUSE = 2.0
"""Seconds between two reads."""
_PATIENCE = 30.0
"""Seconds after which a state that waiting cannot help ends the wait: the kubelet has pulled at least twice by then."""
_PATIENCE_FOR_OBJECTS = 60.0
"""The same for a missing Secret or ConfigMap, which an operator may be creating."""
_SETTLED = 4.0
"""Seconds without a record at work after which Helm has finished; its own polls are two seconds apart."""
_WAITING = frozenset({"pending-install", "pending-upgrade"})
_NOT_READY = ("deadline exceeded", "timed out", "context canceled")
"""What Helm's errors say of a wait that was too long or was ended."""
_LOGS = 6
"""Containers whose logs are read."""


@dataclass(frozen=True)
class Place:
    """One release in one cluster."""

    cluster: Cluster
    """The cluster."""
    namespace: str
    """Namespace of its workloads."""
    release: str
    """Its name."""
    records: str
    """Namespace of Helm's records."""


@dataclass
class RolloutWatch:
    """What is known of one change of a release: read by `look`, again and again, until the change has ended."""

    place: Place
    """What is watched."""
    wording: Wording
    """How it is described."""
    warn: Callable[[str], None]
    """Gets a sentence at once when a state cannot improve by itself."""
    fail: Callable[[str], None]
    """Gets the sentence of a change that was ended."""
    end_wait: Callable[[], bool]
    """Ends Helm's wait; False if that is not possible here."""
    end_helm: Callable[[], bool]
    """Ends Helm with its plugin; False if that is not possible here."""
    longest: float
    """Seconds after which Helm has ended, whatever happens."""
    latest: tuple[Described, ...] = ()
    """What was not ready when Helm was last seen waiting."""
    ended_after: float | None = None
    """Seconds of hopeless waiting after which the wait was ended; None if it was not."""
    _before: frozenset[str] = frozenset()
    _begun: float | None = None
    _overdue: bool = False
    _since: dict[str, float] = field(default_factory=dict)
    _warned: set[str] = field(default_factory=set)
    _logs: dict[tuple[str, str, int], Log] = field(default_factory=dict)

    def remember(self) -> None:
        """Note what runs before the change, because its state says nothing about the change. Raises RemoteError."""
        found = read_workloads(self.place.cluster, namespace=self.place.namespace, release=self.place.release)
        self._before = frozenset(workload.owner for workload in found if workload.pods)

    def look(self, now: float) -> None:
        """Read once; ``now`` is a monotonic time in seconds. Raises RemoteError."""
        self._limit(now)
        revision = self._waiting()
        if revision is None:
            return
        workloads = read_workloads(
            self.place.cluster, namespace=self.place.namespace, release=self.place.release
        )
        found = failures(workloads)
        described = self._described(found)
        if self._waiting() != revision:
            return  # Helm has begun to roll back, so these may be the Pods of the revision before
        self.latest = described
        self._judge(workloads, found, now)

    def _limit(self, now: float) -> None:
        """End a Helm that an API server leaves without an answer: only its waits have a limit, its requests have none."""
        self._begun = now if self._begun is None else self._begun
        if self._overdue or now - self._begun < self.longest:
            return
        self._overdue = True
        ending = "Helm was ended" if self.end_helm() else "interrupt this run, twice"
        self.fail(
            f"no end after {self.longest:.0f} s, which is longer than its waits and a rollback take together, because the API server "
            f"leaves a request without an answer, so {ending}; agents keep running, and the next run repairs what is unfinished"
        )

    def _waiting(self) -> int | None:
        """The revision that Helm is waiting for."""
        state = release_state(self.place.cluster, namespace=self.place.records, name=self.place.release)
        newest = state.revisions[0] if state.revisions else None
        return newest.revision if newest is not None and newest.status in _WAITING else None

    def _described(self, found: tuple[PodFailure, ...]) -> tuple[Described, ...]:
        described: list[Described] = []
        for group in grouped(found):
            wanted = group[0].has_log and len(described) < _LOGS
            described.append(Described(group, self._log(group[0]) if wanted else ()))
        return tuple(described)

    def _log(self, failure: PodFailure) -> Log:
        """Read again only after a restart, or if the container is still running."""
        if failure.pod is None or failure.container is None:
            return ()
        states = failure.pod["status"].get("containerStatuses") or ()
        restarts = sum(int(state.get("restartCount") or 0) for state in states)
        key = (failure.pod["metadata"]["uid"], failure.container, restarts)
        if key not in self._logs or failure.reason in {Reason.PROBE, Reason.STARTING}:
            lines = read_log(self.place.cluster, failure.pod, failure.container, previous=failure.ended)
            self._logs[key] = lines or self._logs.get(key, ())
        return self._logs[key]

    def _judge(self, workloads: tuple[Workload, ...], found: tuple[PodFailure, ...], now: float) -> None:
        lost = hopeless_owners(workloads, found)
        self._since = {owner: self._since.get(owner, now) for owner in lost}
        for owner, since in self._since.items():
            reasons = [item for item in found if item.owner == owner and item.hopeless]
            if since == now:
                continue  # seen once
            patience = _patience(reasons)
            new = owner not in self._before
            if owner not in self._warned:
                self._warned.add(owner)
                ending = f"; unless that changes, the wait ends in {patience:.0f} s" if new else ""
                self.warn(self.wording.sentence(grouped(reasons)[0]) + ending)
            if new and now - since >= patience and self.ended_after is None:
                if self.end_wait():
                    self.ended_after = now - since
                else:
                    self.warn("the wait cannot be ended from here, so it continues until Helm's time limit")
                    self._before |= {owner}


def _patience(reasons: list[PodFailure]) -> float:
    missing = any(failure.reason is Reason.MISSING for failure in reasons)
    return _PATIENCE_FOR_OBJECTS if missing else _PATIENCE


def watch_hooks(settings: Settings, root: Path) -> pulumi.ResourceHookBinding:
    """Hooks that watch the release while it changes, and explain a failure."""
    agent = settings.agent
    title = f"Helm release {agent.release}"
    wording = Wording(settings, project=pulumi.get_project())
    running: list[tuple[RolloutWatch, WatchThread]] = []

    def start(_args: pulumi.ResourceHookArgs) -> None:
        stop()
        try:
            cluster = open_cluster(settings, root=root, timeout=10)
            place = Place(cluster, agent.namespace, agent.release, agent.helm_namespace)
            watch = RolloutWatch(
                place,
                wording,
                _titled(title, pulumi.log.warn),
                _titled(title, pulumi.log.error),
                lambda: cancel_helm(PLUGIN),
                lambda: end_plugin(PLUGIN),
                longest=agent.longest_change,
            )
            watch.remember()
        except UNREADABLE:
            return  # what cannot be read cannot be explained; Helm reports the cluster itself
        running.append((watch, WatchThread(watch, pause=_PAUSE)))

    def stop() -> RolloutWatch | None:
        if not running:
            return None
        watch, thread = running.pop()
        thread.stop()
        return watch

    def explain(args: pulumi.ErrorHookArgs) -> bool:
        watch = stop()
        if watch is None:
            return False
        if watch.ended_after is not None:
            _await_helm(watch.place, seconds=agent.helm_timeout)
        told = watch.latest
        if not any(sign in error for error in args.errors for sign in _NOT_READY):
            # Helm failed at something else, and its error says at what; Pods that were only starting are no reason.
            told = tuple(item for item in told if item.failures[0].reason is not Reason.STARTING)
        if told:
            early = (
                f"; its wait was ended after {watch.ended_after:.0f} s, because waiting does not help"
                if watch.ended_after is not None
                else ""
            )
            pulumi.log.error(
                f"{title} did not get ready{early}. Before Helm took the change back:\n{wording.report(told)}"
            )
        return False

    def finish(_args: pulumi.ResourceHookArgs) -> None:
        stop()

    begin, end = pulumi.ResourceHook("watch-release", start), pulumi.ResourceHook("stop-watching", finish)
    return pulumi.ResourceHookBinding(
        before_create=[begin],
        before_update=[begin],
        after_create=[end],
        after_update=[end],
        on_error=[pulumi.ErrorHook("explain-failure", explain)],
    )


def _titled(title: str, log: Callable[[str], None]) -> Callable[[str], None]:
    return lambda sentence: log(f"{title}: {sentence}")


def _await_helm(place: Place, *, seconds: float) -> None:
    """Wait until a cancelled Helm has recorded the end of its rollback.

    It reports the cancellation to Pulumi, which then ends the plugin, while its wait may still notice objects that the
    rollback removed, and take the change back once more.
    """
    limit, quiet_since = time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < limit and time.monotonic() - quiet_since < _SETTLED:
        time.sleep(0.5)
        try:
            state = release_state(place.cluster, namespace=place.records, name=place.release)
        except RemoteError:
            continue
        if state.revisions and state.revisions[0].status in WORKING:
            quiet_since = time.monotonic()
