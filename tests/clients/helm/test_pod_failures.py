"""Reasons of Pods that are not ready, from objects and events as API servers and kubelets write them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from clients.helm.pod_failures import PodFailure, Reason, failures, hopeless_owners
from clients.helm.rollout import Workload

NUMBERS = itertools.count()
IMAGE = "registry.example.com/data/client@sha256:" + "4" * 64
PULL = f'Failed to pull image "{IMAGE}": rpc error: code = '


def pod(
    *states: dict[str, Any], ready: bool = False, scheduled: str | None = None, **status: Any
) -> dict[str, Any]:
    """A Pod of one worker as the API server returns it; ``scheduled`` is why it is not."""
    number = next(NUMBERS)
    conditions = [{"type": "Ready", "status": str(ready)}]
    if scheduled:
        conditions.append(
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": scheduled}
        )
    return {
        "metadata": {"name": f"agent-worker-7c9d8-{number}", "namespace": "agents", "uid": f"pod-{number}"},
        "spec": {
            "containers": [
                {"name": "worker", "image": IMAGE, "resources": {"limits": {"memory": "2Gi"}}},
                {"name": "sidecar", "image": IMAGE},
            ]
        },
        "status": {"phase": "Pending", "conditions": conditions, "containerStatuses": list(states), **status},
    }


def container(state: dict[str, Any], *, last: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Status of a container."""
    return {
        "name": "worker",
        "image": IMAGE,
        "ready": False,
        "restartCount": 0,
        "state": state,
        "lastState": last or {},
        **fields,
    }


def waiting(reason: str, message: str | None = None, **more: Any) -> dict[str, Any]:
    """Status of a container that does not run."""
    return container({"waiting": {"reason": reason, **({"message": message} if message else {})}}, **more)


RUNNING = {"running": {"startedAt": "2026-11-28T10:00:00Z"}}


def ended(code: int, reason: str = "Error", **more: Any) -> dict[str, Any]:
    """State of a container that has ended."""
    return {"terminated": {"exitCode": code, "reason": reason, "containerID": "containerd://0", **more}}


def event(reason: str, message: str, uid: str, path: str = "spec.containers{worker}") -> dict[str, Any]:
    """A warning as the kubelet writes it."""
    return {
        "metadata": {"name": "e", "creationTimestamp": "2026-11-28T10:00:00Z"},
        "involvedObject": {"kind": "Pod", "uid": uid, "fieldPath": path},
        "reason": reason,
        "message": message,
        "type": "Warning",
    }


def workload(*pods: dict[str, Any], events: dict[str, Any] | None = None, **more: Any) -> Workload:
    """A Deployment with these Pods."""
    return Workload("Deployment", "agent-worker", "set", pods=pods, events=events or {}, **more)


def only(one: dict[str, Any], *warnings: tuple[str, str]) -> PodFailure:
    """The one failure of a Pod."""
    uid = one["metadata"]["uid"]
    events = {uid: tuple(event(reason, message, uid) for reason, message in warnings)}
    (found,) = failures((workload(one, events=events),))
    assert found.workload == "Deployment agent-worker"
    assert found.pod is one
    return found


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            f"{PULL}NotFound desc = failed to pull and unpack image: failed to resolve reference: {IMAGE}: not found",
            "NO_IMAGE",
        ),
        (
            f"{PULL}Unknown desc = Error response from daemon: manifest for {IMAGE} not found: manifest unknown",
            "NO_IMAGE",
        ),
        (f"{PULL}NotFound desc = no match for platform in manifest: not found", "NO_IMAGE"),
        (f"{PULL}Unknown desc = reading manifest 1 in registry.example.com/a: name unknown", "NO_IMAGE"),
        (
            f"{PULL}Unknown desc = failed to authorize: unexpected status from GET request: 401 Unauthorized",
            "IMAGE_ACCESS",
        ),
        (
            f"{PULL}Unknown desc = pull access denied, repository does not exist or may require authorization",
            "IMAGE_ACCESS",
        ),
        (f"{PULL}Unknown desc = failed to fetch anonymous token: 403 Forbidden", "IMAGE_ACCESS"),
        (f"{PULL}Unknown desc = no basic auth credentials", "IMAGE_ACCESS"),
        (f"{PULL}Unavailable desc = dial tcp: lookup registry.example.com: no such host", "IMAGE"),
        (
            f"{PULL}Unknown desc = 429 Too Many Requests: toomanyrequests: reached your pull rate limit",
            "IMAGE",
        ),
        (f"{PULL}Unknown desc = 503 Service Unavailable: not found in cache", "IMAGE"),
        (f"{PULL}Unknown desc = tls: failed to verify certificate: x509: unknown authority", "IMAGE"),
        (
            'Failed to pull image "registry.example.com/not found/denied:401": context deadline exceeded',
            "IMAGE",
        ),
    ],
)
def test_pulling_an_image(message: str, reason: str) -> None:
    wanted = Reason[reason]
    in_state = only(pod(waiting("ErrImagePull", message)))
    in_event = only(
        pod(waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"')), ("Failed", message)
    )
    for found in (in_state, in_event):
        assert found.reason is wanted
        assert found.hopeless is (wanted is not Reason.IMAGE)
        assert found.container == "worker"
        assert message in found.text
        assert not found.has_log


def test_an_image_name_that_cannot_be() -> None:
    found = only(
        pod(
            waiting("InvalidImageName", 'Failed to apply default image tag "a:b:c": invalid reference format')
        )
    )
    assert (found.reason, found.hopeless) == (Reason.NO_IMAGE, True)
    assert found.text.startswith("InvalidImageName: ")


def test_a_back_off_without_a_cause_names_the_image() -> None:
    found = only(pod(waiting("ImagePullBackOff")))
    assert (found.reason, found.hopeless) == (Reason.IMAGE, False)
    assert found.text == f"ImagePullBackOff (image {IMAGE})"


@pytest.mark.parametrize(
    "message",
    [
        'secret "agent-token" not found',
        'configmap "known-hosts" not found',
        "couldn't find key token in Secret agents/agent-token",
        "couldn't find key a in ConfigMap agents/b",
    ],
)
def test_a_missing_object_of_a_variable(message: str) -> None:
    found = only(pod(waiting("CreateContainerConfigError", message)))
    assert (found.reason, found.hopeless) == (Reason.MISSING, True)
    assert found.text == f"CreateContainerConfigError: {message}"


@pytest.mark.parametrize(
    ("message", "hopeless"),
    [
        ("container has runAsNonRoot and image will run as root (pod: a, container: b)", True),
        (
            "container has runAsNonRoot and image has non-numeric user (astro), cannot verify user is non-root",
            True,
        ),
        ("failed to sync secret cache: timed out waiting for the condition", False),
    ],
)
def test_a_container_that_cannot_be_configured(message: str, hopeless: bool) -> None:
    found = only(pod(waiting("CreateContainerConfigError", message)))
    assert (found.reason, found.hopeless) == (Reason.CONFIG, hopeless)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('MountVolume.SetUp failed for volume "ssh" : secret "git-key" not found', Reason.MISSING),
        ('MountVolume.SetUp failed for volume "c" : configmap "airflow-cfg" not found', Reason.MISSING),
        (
            'MountVolume.SetUp failed for volume "ssh" : references non-existent secret key: key',
            Reason.MISSING,
        ),
        ('AttachVolume.Attach failed for volume "pvc-1" : rpc error: timed out', Reason.VOLUME),
    ],
)
def test_volumes(message: str, reason: Reason) -> None:
    found = only(pod(waiting("ContainerCreating")), ("FailedMount", message))
    assert (found.reason, found.hopeless, found.container) == (reason, reason is Reason.MISSING, None)
    assert found.text == f"FailedMount: {message}"


def test_no_node_has_room() -> None:
    message = "0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available"
    found = only(pod(scheduled=message), ("FailedScheduling", message))
    assert (found.reason, found.hopeless) == (Reason.UNSCHEDULABLE, False), "a node may be added"
    assert found.text == f"Unschedulable: {message}"
    assert found.events == (), "the warning says the same"


@pytest.mark.parametrize(
    "now", [{"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 20s"}}, RUNNING]
)
def test_out_of_memory(now: dict[str, Any]) -> None:
    state = container(now, last=ended(137, "OOMKilled"), restartCount=2)
    found = only(pod(state))
    assert (found.reason, found.hopeless, found.ended, found.has_log) == (Reason.MEMORY, False, True, True)
    assert found.text.endswith("OOMKilled, its memory limit is 2Gi, 2 restarts")


def test_a_crash_loop() -> None:
    last = ended(1, message="ModuleNotFoundError: No module named 'cosmos'\n")
    found = only(
        pod(waiting("CrashLoopBackOff", "back-off 40s restarting failed", last=last, restartCount=3))
    )
    assert (found.reason, found.hopeless, found.ended) == (Reason.CRASH, False, True)
    assert found.text == (
        "CrashLoopBackOff, exit code 1 (Error), 3 restarts, ModuleNotFoundError: No module named 'cosmos'"
    )


def test_last_words_that_the_kubelet_cut_are_whole_lines() -> None:
    cut = "f-a-token\n" + "x" * 2040 + "\nlast\n"
    assert only(pod(container(ended(1, message=cut)))).text == "exit code 1 (Error), last"
    assert only(pod(container(ended(1, message="x" * 2048)))).text == "exit code 1 (Error)"


def test_a_container_that_has_just_ended() -> None:
    found = only(pod(container(ended(139, signal=11))))
    assert (found.text, found.ended) == ("exit code 139, signal 11 (Error)", False)


def test_a_failed_probe_of_this_container() -> None:
    one = pod(container(RUNNING), container(RUNNING, name="sidecar", ready=True))
    uid = one["metadata"]["uid"]
    events = (
        event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", uid),
        event("Unhealthy", "Liveness probe failed: of the sidecar", uid, "spec.containers{sidecar}"),
    )
    (found,) = failures((workload(one, events={uid: events}),))
    assert (found.reason, found.hopeless, found.has_log) == (Reason.PROBE, False, True)
    assert found.text == "Readiness probe failed: HTTP probe failed with statuscode: 503"


def test_a_container_that_only_starts_slowly() -> None:
    found = only(pod(container(RUNNING)))
    assert (found.reason, found.text) == (Reason.STARTING, "running, but not ready yet")


def test_a_pod_that_nobody_has_looked_at() -> None:
    found = only(pod())
    assert (found.reason, found.text) == (Reason.STARTING, "phase Pending")


def test_eviction() -> None:
    found = only(
        pod(phase="Failed", reason="Evicted", message="The node was low on resource: ephemeral-storage.")
    )
    assert (found.reason, found.text) == (
        Reason.EVICTED,
        "Evicted: The node was low on resource: ephemeral-storage.",
    )


def test_an_init_container_hides_what_waits_for_it() -> None:
    init = waiting("CrashLoopBackOff", last=ended(2), restartCount=1, name="render")
    one = pod(waiting("PodInitializing"), initContainerStatuses=[init])
    found = only(one)
    assert (found.container, found.reason) == ("render", Reason.CRASH)


def test_an_init_container_that_is_done_is_no_failure() -> None:
    one = pod(container(RUNNING), initContainerStatuses=[container(ended(0, "Completed"), name="render")])
    assert only(one).container == "worker"


@pytest.mark.parametrize(
    ("message", "reason", "hopeless"),
    [
        (
            'pods "a-1" is forbidden: exceeded quota: q, requested: cpu=2, used: cpu=9, limited: cpu=10',
            "QUOTA",
            False,
        ),
        (
            'pods "a-1" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
            "REFUSED",
            True,
        ),
        ('admission webhook "policy.example.com" denied the request: images must be signed', "REFUSED", True),
        (
            'pods "a-1" is forbidden: error looking up service account agents/a: serviceaccount "a" not found',
            "MISSING",
            True,
        ),
        ("Internal error occurred: failed calling webhook: connection refused", "REFUSED", False),
    ],
)
def test_pods_that_cannot_be_created(message: str, reason: str, hopeless: bool) -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    by_condition = workload(conditions=(condition,))
    by_event = workload(events={"set": (event("FailedCreate", message, "set", ""),)})
    for item in (by_condition, by_event):
        (found,) = failures((item,))
        assert (found.reason, found.hopeless, found.pod) == (Reason[reason], hopeless, None)
        assert found.text == f"FailedCreate: {message}"
        assert hopeless_owners((item,), (found,)) == ({"set"} if hopeless else set())


def test_ready_and_finished_pods_are_no_failures() -> None:
    assert (
        failures((workload(pod(container(RUNNING, ready=True), ready=True), pod(phase="Succeeded")),)) == ()
    )


def test_events_that_say_more_are_kept_once() -> None:
    one = pod(container(RUNNING))
    more = ("BackOff", "restarting failed container")
    assert only(one, more, more).events == ("BackOff: restarting failed container",)


def test_one_pod_of_several_is_not_the_workload() -> None:
    lost, starting = pod(waiting("ErrImagePull", "manifest unknown")), pod(container(RUNNING))
    both = (workload(lost, starting),)
    found = failures(both)
    assert [item.hopeless for item in found] == [True, False], "what waiting cannot help comes first"
    assert hopeless_owners(both, found) == frozenset()
    assert hopeless_owners((workload(lost),), found) == {"set"}


def test_nothing_runs_for_a_workload_scaled_to_zero() -> None:
    assert failures((workload(),)) == ()
    assert hopeless_owners((workload(),), ()) == frozenset()
