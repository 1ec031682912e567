"""The whole environment: it continues after a kill, restarts what died, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import kubernetes
import pytest

from trial.environment import Environment
from trial.processes import Identity

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {
    "charts", "etcd", "git", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "registry"
}  # fmt: skip

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder whose trial is taken down at the end."""
    folder = tmp_path_factory.mktemp("trial") / "state"
    yield folder
    trial(folder).down()


def trial(state: Path) -> Environment:
    return Environment(repo=ROOT, state=state, docker=False, engine=False)


@pytest.fixture
def up(state: Path) -> Environment:
    """The trial, running; a test may leave it in any state, so that the tests work in any order."""
    environment = trial(state)
    environment.up()
    return environment


def running(environment: Environment) -> dict[str, Identity | None]:
    return {name: environment.supervisor.identity(name) for name in environment.supervisor.names()}


def processes_that_name(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            except OSError:
                continue
            if str(folder) in words:
                found.append(words)
    return found


def test_a_killed_start_is_continued(state: Path) -> None:
    trial(state).down()
    command = [sys.executable, "-m", "trial", "--state", str(state), "up", "--no-engine", "--no-docker"]
    for seconds in (0.7, 1.5, 3.0):
        process = subprocess.Popen(
            command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    environment = trial(state)
    environment.up()
    found = running(environment)
    assert set(found) == SERVICES
    assert None not in found.values()
    started = [words for words in processes_that_name(state) if "/bin/kube-apiserver" in words]
    assert len(started) == 1, "a killed start left a process behind"


def test_a_second_start_leaves_everything_running_as_it_is(up: Environment) -> None:
    before, info = running(up), up.info()
    assert up.up() == info
    assert running(up) == before


def test_what_died_is_started_again_and_the_rest_stays(up: Environment) -> None:
    before = running(up)
    for name in ("kube-apiserver", "git", "kwok"):
        identity = before[name]
        assert identity is not None
        os.kill(identity.pid, signal.SIGKILL)
    up.up()
    after = running(up)
    assert None not in after.values()
    changed = {name for name in before if before[name] != after[name]}
    assert {"kube-apiserver", "git", "kwok"} <= changed
    assert not changed & {"etcd", "registry", "charts"}


def test_pods_of_a_node_that_was_lost_are_ready_again(up: Environment) -> None:
    """The controllers mark them as not ready after an outage of the API server, and a kubelet takes that back."""
    api = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(up.info().kubeconfig))
    container = kubernetes.client.V1Container(name="main", image="127.0.0.1/none:1")
    meta, spec = (
        kubernetes.client.V1ObjectMeta(name="lost"),
        kubernetes.client.V1PodSpec(containers=[container]),
    )
    api.create_namespaced_pod("default", kubernetes.client.V1Pod(metadata=meta, spec=spec))

    def conditions() -> dict[str, str]:
        found = api.read_namespaced_pod("lost", "default").status.conditions or ()
        return {item.type: item.status for item in found}

    def wait_until_ready() -> None:
        deadline = time.monotonic() + 60
        while conditions().get("Ready") != "True":
            assert time.monotonic() < deadline, conditions()
            time.sleep(0.1)

    try:
        wait_until_ready()
        lost = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
        api.patch_namespaced_pod_status("lost", "default", lost)
        wait_until_ready()
        # A probe that fails takes ContainersReady too, and nothing but the container's recovery brings that back.
        api.patch_namespaced_pod_status(
            "lost",
            "default",
            {
                "status": {
                    "conditions": [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
                }
            },
        )
        time.sleep(3)
        assert conditions()["Ready"] == "False"
    finally:
        api.delete_namespaced_pod("lost", "default", grace_period_seconds=0)


def test_a_stopped_trial_keeps_its_cluster(up: Environment) -> None:
    run = [str(up.layout.bin / "kubectl"), f"--kubeconfig={up.info().kubeconfig}"]
    subprocess.run([*run, "create", "namespace", "kept"], check=True, capture_output=True)
    up.stop()
    assert running(up) == {}
    up.up()
    subprocess.run([*run, "get", "namespace", "kept"], check=True, capture_output=True)


def test_down_leaves_no_process_and_no_file(up: Environment, state: Path) -> None:
    assert processes_that_name(state)
    up.down()
    assert processes_that_name(state) == []
    assert not state.exists()
    assert not up.layout.runtime.exists()
    up.down()
