"""What the watch remembers and when it ends a wait, against the answers of an API server that change between two reads."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from clients.errors import RemoteError
from clients.helm.pod_failures import Reason
from program.rollout_report import Wording
from program.rollout_watch import Place, RolloutWatch
from program.watch_thread import WatchThread
from tests.support.release_api import NAMESPACE, RELEASE, ReleaseApi, pod_of, release_api
from tests.support.stacks import settings_of

NO_IMAGE = {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown"}}
NO_SECRET = {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "a" not found'}}
RUNNING: dict[str, Any] = {"running": {}}


@dataclass
class Watched:
    """A watch, and what it did."""

    api: ReleaseApi
    possible: bool = True
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    ended: int = 0
    killed: int = 0
    watch: RolloutWatch = field(init=False)

    def __post_init__(self) -> None:
        place = Place(self.api.cluster, NAMESPACE, RELEASE, NAMESPACE)
        wording = Wording(settings_of(), project="astro-dbt")
        self.watch = RolloutWatch(
            place, wording, self.warnings.append, self.errors.append, self._end, self._kill, longest=1000
        )

    def _end(self) -> bool:
        self.ended += 1
        return self.possible

    def _kill(self) -> bool:
        self.killed += 1
        return self.possible

    def reasons(self) -> list[Reason]:
        return [item.failures[0].reason for item in self.watch.latest]


@pytest.fixture
def watched() -> Iterator[Watched]:
    with release_api() as api:
        api.revisions = [(1, "deployed"), (2, "pending-upgrade")]
        yield Watched(api)


@pytest.mark.parametrize(
    "revisions",
    [
        [],
        [(1, "deployed")],
        [(1, "deployed"), (2, "failed")],
        [(1, "deployed"), (2, "failed"), (3, "pending-rollback")],
    ],
)
def test_nothing_is_read_while_helm_does_not_wait(watched: Watched, revisions) -> None:
    watched.api.pods = [pod_of("set-1", NO_IMAGE)]
    watched.api.revisions = revisions
    watched.watch.look(0)
    assert watched.reasons() == []
    assert not [path for path in watched.api.asked if "pods" in path]


@pytest.mark.parametrize("possible", [True, False])
def test_a_change_that_outlasts_helms_limits_is_ended_once_also_where_nothing_can_be_read(
    watched: Watched, possible
) -> None:
    watched.possible = possible
    watched.watch.look(50)
    watched.api.other = lambda _path: (503, b"", {})
    for now in (1049, 1050, 1052, 1054):
        with contextlib.suppress(RemoteError):
            watched.watch.look(now)
        assert watched.killed == (now >= 1050)
    (error,) = watched.errors
    assert error.startswith("no end after 1000 s, ")
    assert ("so Helm was ended; agents keep running" in error) == possible
    assert ("so interrupt this run, twice; agents keep running" in error) != possible


def test_what_was_seen_last_survives_the_rollback(watched: Watched) -> None:
    watched.api.pods = [pod_of("set-1", NO_IMAGE)]
    watched.watch.look(0)
    watched.api.pods = [pod_of("set-0", RUNNING)]
    watched.api.revisions = [(1, "superseded"), (2, "failed"), (3, "pending-rollback")]
    watched.watch.look(2)
    assert watched.reasons() == [Reason.NO_IMAGE]


def test_a_read_that_meets_the_rollback_does_not_count(watched: Watched) -> None:
    watched.api.pods = [pod_of("set-1", NO_IMAGE)]
    watched.watch.look(0)
    api = watched.api

    def rolled_back(path):
        if "replicasets" in path:
            api.pods, api.revisions = [], [(1, "deployed"), (2, "failed")]

    api.pods, api.other = [pod_of("set-1", RUNNING)], rolled_back
    watched.watch.look(2)
    assert watched.reasons() == [Reason.NO_IMAGE]


@pytest.mark.parametrize(("state", "patience"), [(NO_IMAGE, 30), (NO_SECRET, 60)])
def test_hopeless_waiting_is_said_at_once_and_ended_after_a_while(watched: Watched, state, patience) -> None:
    watched.api.pods = [pod_of("set-1", state)]
    watched.watch.look(100)
    assert watched.warnings == [], "a state that is seen once may be passing"
    watched.watch.look(102)
    (warning,) = watched.warnings
    assert warning.startswith("Deployment agent-worker, Pod agent-worker-set-1-1, container worker: ")
    assert warning.endswith(f"; unless that changes, the wait ends in {patience} s")
    watched.watch.look(100 + patience - 1)
    assert watched.ended == 0
    for later in range(3):
        watched.watch.look(100 + patience + later)
    assert (watched.ended, watched.watch.ended_after, len(watched.warnings)) == (1, patience, 1)


def test_a_state_that_passes_ends_nothing(watched: Watched) -> None:
    for now, state in enumerate([NO_IMAGE, NO_IMAGE, RUNNING, NO_IMAGE, NO_IMAGE]):
        watched.api.pods = [pod_of("set-1", state)]
        watched.watch.look(now * 20)
    assert watched.ended == 0
    watched.watch.look(90)
    assert watched.ended == 1


def test_what_was_there_before_the_change_ends_nothing(watched: Watched) -> None:
    """Helm may not have reached it yet: hooks of the chart can run for minutes first."""
    watched.api.pods = [pod_of("set-1", NO_IMAGE)]
    watched.watch.remember()
    for now in (0, 10, 1000):
        watched.watch.look(now)
    assert watched.ended == 0
    assert "the wait ends" not in watched.warnings[0]
    watched.api.owner = "set-2"
    watched.api.pods = [pod_of("set-2", NO_IMAGE)]
    for now in (1010, 1020, 1041):
        watched.watch.look(now)
    assert watched.ended == 1


def test_where_nothing_can_be_ended_that_is_said_once(watched: Watched) -> None:
    watched.possible = False
    watched.api.pods = [pod_of("set-1", NO_IMAGE)]
    for now in range(0, 100, 10):
        watched.watch.look(now)
    assert (watched.ended, watched.watch.ended_after) == (1, None)
    assert watched.warnings[1:] == [
        "the wait cannot be ended from here, so it continues until Helm's time limit"
    ]


def test_the_log_of_a_crash_is_read_once_per_restart(watched: Watched) -> None:
    def crashed(restarts: int) -> None:
        last = {"terminated": {"exitCode": 1, "reason": "Error"}}
        state = {"waiting": {"reason": "CrashLoopBackOff"}}
        watched.api.pods = [pod_of("set-1", state, lastState=last, restartCount=restarts)]
        watched.watch.look(0)

    watched.api.logs = {"worker/previous": "first"}
    crashed(1)
    watched.api.logs = {"worker/previous": "not read"}
    crashed(1)
    assert watched.watch.latest[0].log == ("first",)
    watched.api.logs = {"worker/previous": "second"}
    crashed(2)
    assert watched.watch.latest[0].log == ("second",)


def test_the_thread_outlives_a_server_that_answers_nonsense(watched: Watched) -> None:
    answers = iter([b"not JSON", b"[]", b'{"items": [{}]}', b"null"] * 5)
    sound = threading.Event()

    def nonsense(path):
        if (content := next(answers, None)) is not None:
            return 200, content, {}
        sound.set()
        return None

    watched.api.pods, watched.api.other = [pod_of("set-1", NO_IMAGE)], nonsense
    thread = WatchThread(watched.watch, pause=0.05)
    assert sound.wait(10)
    deadline = time.monotonic() + 10
    while not watched.watch.latest:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    thread.stop()
    assert watched.reasons() == [Reason.NO_IMAGE]
