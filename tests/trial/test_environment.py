"""The whole environment: it continues after a kill, restarts what died, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import kubernetes
import pytest

from trial.environment import Environment
from trial.memory import Memory
from trial.processes import Identity, is_alive

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


@dataclass(frozen=True)
class Pod:
    """A Pod of the simulated node."""

    api: kubernetes.client.CoreV1Api
    name: str

    def conditions(self) -> dict[str, str]:
        found = self.api.read_namespaced_pod(self.name, "default").status.conditions or ()
        return {item.type: item.status for item in found}

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        while self.conditions().get("Ready") != "True":
            assert time.monotonic() < deadline, self.conditions()
            time.sleep(0.1)

    def report(self, **conditions: str) -> None:
        """Write conditions into its status, as the node does."""
        changes = [{"type": name, "status": status} for name, status in conditions.items()]
        self.api.patch_namespaced_pod_status(self.name, "default", {"status": {"conditions": changes}})


@contextmanager
def pod(environment: Environment) -> Iterator[Pod]:
    api = kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(environment.info().kubeconfig))
    name = f"pod-{uuid.uuid4()}"
    container = kubernetes.client.V1Container(name="main", image="127.0.0.1/none:1")
    made = kubernetes.client.V1Pod(
        metadata=kubernetes.client.V1ObjectMeta(name=name),
        spec=kubernetes.client.V1PodSpec(containers=[container]),
    )
    api.create_namespaced_pod("default", made)
    try:
        yield Pod(api, name)
    finally:
        api.delete_namespaced_pod(name, "default", grace_period_seconds=0)


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


def test_all_follow_an_api_server_that_lost_its_port(up: Environment, state: Path) -> None:
    """They read where it listens only at their start."""
    identity = up.supervisor.identity("kube-apiserver")
    assert identity is not None
    port = Memory(state / "memory.json").port("kube-apiserver", in_use=True)
    os.kill(identity.pid, signal.SIGKILL)
    while is_alive(identity):
        time.sleep(0.01)
    with socket.create_server(("127.0.0.1", port)):
        before = running(up)
        up.up()
        after = running(up)
        assert {name for name in after if before[name] != after[name]} == {
            "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"
        }  # fmt: skip
        with pod(up) as found:
            found.wait_until_ready()


def test_pods_of_a_node_that_was_lost_are_ready_again(up: Environment) -> None:
    """The controllers mark them as not ready after an outage of the API server, and a kubelet takes that back."""
    with pod(up) as found:
        found.wait_until_ready()
        found.report(Ready="False")
        found.wait_until_ready()
        # A probe that fails takes ContainersReady too, and nothing but the container's recovery brings that back.
        found.report(Ready="False", ContainersReady="False")
        time.sleep(3)
        assert found.conditions()["Ready"] == "False"


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
