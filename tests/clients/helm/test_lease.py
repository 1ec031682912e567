"""The wait for a Helm that may be alive, against the records of a real Helm on the trial's cluster."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients import processes
from clients.helm import lease
from clients.helm.lease import Holder
from clients.kubernetes import Cluster, connect
from clients.processes import Process
from tests.support.helm import NAME, Helm
from tests.support.kube_objects import kubectl, make
from tests.support.processes import running
from trial.environment import Environment
from trial.processes import start_time

pytestmark = pytest.mark.preflight


@pytest.fixture
def helm(environment: Environment, tmp_path: Path) -> Iterator[Helm]:
    namespace = "helm-lease"
    make(environment, "Namespace", namespace)
    made = Helm(environment, namespace, tmp_path)
    assert made.upgrade().returncode == 0
    made.break_off("pending-upgrade")
    yield made
    kubectl(environment, "delete", "namespace", namespace)


@pytest.fixture
def cluster(environment: Environment) -> Cluster:
    info = environment.info()
    return connect(info.kubeconfig, info.context, timeout=30)


@pytest.fixture
def child() -> Iterator[tuple[subprocess.Popen[bytes], Process]]:
    with running(["sleep", "600"]) as started:
        began = start_time(started.pid)
        assert began is not None
        yield started, Process(started.pid, began)


class Clock:
    """Does something at a pause instead of waiting, and counts the pauses."""

    def __init__(self, *steps) -> None:
        self.steps = list(steps)
        self.pauses = 0

    def __call__(self, seconds: float) -> None:
        self.pauses += 1
        assert self.steps, "the wait does not end"
        self.steps.pop(0)()


def wait(cluster: Cluster, helm: Helm, clock: Clock, *, seconds: int = 3600) -> tuple[str | None, list[str]]:
    reports: list[str] = []
    state = lease.wait_for_helm(
        cluster, namespace=helm.namespace, release=NAME, seconds=seconds, report=reports.append, sleep=clock
    )
    return state.status, reports


def take(cluster: Cluster, helm: Helm, holder: Holder) -> None:
    lease.take(cluster, namespace=helm.namespace, release=NAME, holder=holder)


def test_a_process_that_is_gone_is_not_waited_for(helm: Helm, cluster: Cluster, child) -> None:
    started, process = child
    take(cluster, helm, Holder(processes.machine(), (process,), 3600))
    started.kill()
    started.wait()
    assert wait(cluster, helm, Clock()) == ("pending-upgrade", [])


def test_a_live_process_is_waited_for_until_it_is_gone(helm: Helm, cluster: Cluster, child) -> None:
    started, process = child
    take(cluster, helm, Holder(processes.machine(), (process,), 3600))

    def end() -> None:
        started.kill()
        started.wait()

    clock = Clock(lambda: None, end)
    status, (sentence,) = wait(cluster, helm, clock)
    assert (status, clock.pauses) == ("pending-upgrade", 2)
    assert f"process {process.pid} of an interrupted run may still be running" in sentence
    assert f"kubectl delete secret --namespace {helm.namespace} sh.helm.release.v1.{NAME}.v" in sentence


def test_the_wait_ends_when_helm_finishes_its_record(helm: Helm, cluster: Cluster, child) -> None:
    _, process = child
    take(cluster, helm, Holder(processes.machine(), (process,), 3600))
    status, _ = wait(cluster, helm, Clock(lambda: helm.break_off("deployed")))
    assert status == "deployed"


@pytest.mark.parametrize("lease_of", ["this machine", "another machine"])
def test_a_failed_change_is_waited_for_while_its_helm_may_take_it_back(
    helm: Helm, cluster: Cluster, child, monkeypatch: pytest.MonkeyPatch, lease_of: str
) -> None:
    """What counts is when the failure was recorded, however long ago the change began."""
    _, process = child
    where = processes.machine() if lease_of == "this machine" else "elsewhere"
    take(cluster, helm, Holder(where, (process,), 3600))
    monkeypatch.setattr(lease, "_TAKES_BACK", 5.0)
    time.sleep(6)
    helm.break_off("failed")
    clock = Clock(lambda: helm.break_off("pending-rollback"), lambda: helm.break_off("deployed"))
    status, (sentence,) = wait(cluster, helm, clock)
    assert (status, clock.pauses) == ("deployed", 2)
    assert "revision 1 is failed" in sentence
    assert "kubectl delete" not in sentence, "the record says what the failed change had added"


@pytest.mark.parametrize("why", ["its process is gone", "no lease", "long ago"])
def test_a_failure_that_no_helm_is_taking_back_is_not_waited_for(
    helm: Helm, cluster: Cluster, child, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    started, process = child
    helm.break_off("failed")
    if why != "no lease":
        take(cluster, helm, Holder(processes.machine(), (process,), 3600))
    if why == "its process is gone":
        started.kill()
        started.wait()
    if why == "long ago":
        monkeypatch.setattr(lease, "_TAKES_BACK", 1.0)
        time.sleep(2)
    assert wait(cluster, helm, Clock()) == ("failed", [])


def test_a_failed_install_is_waited_for_until_it_is_uninstalled(helm: Helm, cluster: Cluster, child) -> None:
    _, process = child
    take(cluster, helm, Holder(processes.machine(), (process,), 3600))
    helm.break_off("uninstalling")
    clock = Clock(lambda: None, lambda: helm.run("uninstall", NAME))
    status, (sentence,) = wait(cluster, helm, clock)
    assert (status, clock.pauses) == (None, 2)
    assert "revision 1 is uninstalling" in sentence


@pytest.mark.parametrize("known", [True, False], ids=["another machine's lease", "no lease"])
def test_elsewhere_helm_s_own_limit_bounds_the_wait(helm: Helm, cluster: Cluster, known: bool) -> None:
    """Nothing here can tell whether it is alive; past the limit it cannot be."""
    if known:
        take(cluster, helm, Holder("elsewhere", (Process(1, 1),), 3600))

        def shorten() -> None:
            take(cluster, helm, Holder("elsewhere", (Process(1, 1),), 1))

        status, (sentence,) = wait(cluster, helm, Clock(shorten, lambda: time.sleep(1.5)))
        assert "may still be running on another machine" in sentence
    else:
        status, reports = wait(cluster, helm, Clock(), seconds=0)
        assert reports == []
    assert status == "pending-upgrade"


def test_a_lease_is_read_as_it_was_written_and_given_back(helm: Helm, cluster: Cluster) -> None:
    where = {"namespace": helm.namespace, "release": NAME}
    holder = Holder("here", (Process(7, 11), Process(8, 12)), 90)
    assert lease.holder_of(cluster, **where) is None
    lease.take(cluster, **where, holder=holder)
    lease.take(cluster, **where, holder=holder)
    assert lease.holder_of(cluster, **where) == holder
    lease.give_back(cluster, **where)
    lease.give_back(cluster, **where)
    assert lease.holder_of(cluster, **where) is None
