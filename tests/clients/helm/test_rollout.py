"""Reading what a release runs: the current Pods of its own workloads, their warnings and logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from clients.errors import Cause
from clients.helm.rollout import Workload, read_log, read_workloads
from clients.kubernetes import ClusterError
from tests.support.release_api import NAMESPACE, RELEASE, ReleaseApi, pod_of, release_api

RUNNING: dict[str, Any] = {"running": {}}


@pytest.fixture
def api() -> Iterator[ReleaseApi]:
    with release_api() as made:
        yield made


def read(api: ReleaseApi) -> Workload:
    """The only workload."""
    (found,) = read_workloads(api.cluster, namespace=NAMESPACE, release=RELEASE)
    return found


def warning(uid: str, message: str, at: str) -> dict[str, Any]:
    return {"metadata": {}, "involvedObject": {"uid": uid}, "message": message, "lastTimestamp": at}


def test_only_the_current_pods_of_this_release(api: ReleaseApi) -> None:
    leaving = pod_of("set-1", RUNNING, number=2)
    leaving["metadata"]["deletionTimestamp"] = "2026-11-28T10:00:00Z"
    current = pod_of("set-1", RUNNING)
    api.pods = [pod_of("set-0", RUNNING), current, leaving, pod_of("somebody", RUNNING)]
    found = read(api)
    assert (found.kind, found.name, found.owner) == ("Deployment", "agent-worker", "set-1")
    assert found.pods == (current,)


def test_warnings_are_in_the_order_in_which_they_were_last_seen(api: ReleaseApi) -> None:
    api.pods = [pod_of("set-1", RUNNING)]
    api.events = [
        warning("pod-set-1-1", "second", "2026-11-28T10:00:02Z"),
        warning("pod-set-1-1", "first", "2026-11-28T10:00:01Z"),
        warning("set-1", "of the set", "2026-11-28T10:00:01Z"),
        warning("pod-set-0-1", "of another Pod", "2026-11-28T10:00:03Z"),
    ]
    events = read(api).events
    assert {uid: [item["message"] for item in items] for uid, items in events.items()} == {
        "pod-set-1-1": ["first", "second"],
        "set-1": ["of the set"],
    }


def test_warnings_are_read_only_while_something_is_not_ready(api: ReleaseApi) -> None:
    api.pods = [pod_of("set-1", RUNNING, ready=True)]
    assert len(read(api).pods) == 1
    assert not [path for path in api.asked if "events" in path]


@pytest.mark.parametrize("refused", ["pods", "events", "replicasets", "deployments", "statefulsets"])
def test_what_may_not_be_read_counts_as_missing(api: ReleaseApi, refused: str) -> None:
    api.pods = [pod_of("set-1", RUNNING)]
    api.refused = {refused}
    found = read_workloads(api.cluster, namespace=NAMESPACE, release=RELEASE)
    assert len(found) == (0 if refused in {"replicasets", "deployments"} else 1)


def test_a_server_that_is_gone_is_an_error() -> None:
    with release_api() as api:
        pass
    with pytest.raises(ClusterError) as caught:
        read_workloads(api.cluster, namespace=NAMESPACE, release=RELEASE)
    assert caught.value.cause is Cause.UNREACHABLE


def test_the_log_ends_with_its_last_lines(api: ReleaseApi) -> None:
    api.logs = {"worker": "\n".join(f"line {number}\n" for number in range(20)), "worker/previous": "boom"}
    pod = pod_of("set-1", RUNNING)
    assert read_log(api.cluster, pod, "worker", previous=False)[-1] == "line 19"
    assert len(read_log(api.cluster, pod, "worker", previous=False)) == 8
    assert read_log(api.cluster, pod, "worker", previous=True) == ("boom",)
    assert "tailLines=8" in api.asked[-1]


def test_a_line_that_the_limit_cut_is_left_out(api: ReleaseApi) -> None:
    api.logs = {"worker": "first\n" + "x" * 16_378}
    assert read_log(api.cluster, pod_of("set-1", RUNNING), "worker", previous=False) == ("first",)


def test_a_log_that_cannot_be_read_is_empty(api: ReleaseApi) -> None:
    assert read_log(api.cluster, pod_of("set-1", RUNNING), "worker", previous=True) == ()
