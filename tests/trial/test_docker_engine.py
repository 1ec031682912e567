"""What an engine leaves: nothing of a killed one gets in the way of the next one, and what was built is kept for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.processes import running
from trial import docker_engine
from trial.docker_engine import DockerEngine, answers_at, clear_after_kill
from trial.layout import Layout
from trial.processes import Supervisor
from trial.progress import Progress

_WAITS = "import signal; print('waits', flush=True); signal.pause()"


@pytest.mark.parametrize("ended", [False, True], ids=["still there", "ended, and nobody has waited for it"])
@pytest.mark.parametrize("program", ["dockerd", "containerd"])
def test_what_a_killed_engine_wrote_down(tmp_path: Path, *, program: str, ended: bool) -> None:
    exec_root, data_root, pid_file = tmp_path / "rt", tmp_path / "docker", tmp_path / "docker.pid"
    noted = pid_file if program == "dockerd" else exec_root / "containerd" / "containerd.pid"
    noted.parent.mkdir(parents=True, exist_ok=True)
    # The name of the program and a folder of the trial in its arguments are how it is told from the machine's own.
    (tmp_path / program).symlink_to(sys.executable)
    command: list[str | Path] = [
        tmp_path / program,
        "-c",
        _WAITS,
        f"--config={exec_root}/containerd/containerd.toml",
    ]
    with running(command, stdout=-1) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"waits\n"
        noted.write_text(str(killed.pid))
        if ended:
            killed.kill()

        clear_after_kill(exec_root, data_root, pid_file)

        assert not noted.exists()
        assert not Path(f"/proc/{killed.pid}/cmdline").exists() or ended


def test_another_containerd_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "containerd").symlink_to(sys.executable)
    command: list[str | Path] = [
        tmp_path / "containerd",
        "-c",
        _WAITS,
        "--config=/etc/containerd/config.toml",
    ]
    with running(command, stdout=-1) as containerd:
        assert containerd.stdout is not None
        assert containerd.stdout.readline() == b"waits\n"

        clear_after_kill(tmp_path / "rt", tmp_path / "docker", tmp_path / "docker.pid")

        assert containerd.poll() is None


@pytest.fixture
def engine_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], DockerEngine]]:
    """Makes the engine of the trial in a checkout; all share one cache, and are stopped at the end."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(docker_engine, "DEFAULT_HOST", f"unix://{tmp_path}/none.sock")
    made = []

    def make(checkout: str) -> DockerEngine:
        layout = Layout.of(
            repo=tmp_path / checkout, state=tmp_path / checkout / ".trial", cache=tmp_path / "cache"
        )
        layout.private_folder(layout.state)
        supervisor = Supervisor(run=layout.run, logs=layout.logs)
        made.append(DockerEngine(layout, Progress(), supervisor))
        return made[-1]

    yield make
    for engine in made:
        engine.down()
        shutil.rmtree(engine.layout.runtime, ignore_errors=True)


def build(engine: DockerEngine, context: Path) -> str:
    """Build a small image; what the engine did, step by step."""
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\nCOPY Dockerfile /again\n")
    done = subprocess.run(
        ["docker", "build", "--tag=kept:1", str(context)],
        env={**os.environ, "DOCKER_HOST": engine.host, "DOCKER_BUILDKIT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.engine
def test_what_was_built_is_kept_for_the_next_trial(
    tmp_path: Path, engine_of: Callable[[str], DockerEngine]
) -> None:
    first, second = engine_of("first"), engine_of("second")
    first.up()
    assert "Using cache" not in build(first, tmp_path / "context")
    first.down()
    first.keep()
    assert not first.data_root.exists()
    second.up()
    assert "Using cache" in build(second, tmp_path / "context")
    second.down()

    shutil.rmtree(second.data_root / "image")
    (second.data_root / "image").write_text("damaged")
    second.keep()
    first.up()
    assert "Using cache" not in build(first, tmp_path / "context"), (
        "an engine that cannot start with it does without"
    )


@pytest.mark.engine
def test_nothing_is_kept_of_an_engine_that_was_killed(engine_of: Callable[[str], DockerEngine]) -> None:
    engine = engine_of("killed")
    engine.up()
    identity = engine.supervisor.identity("dockerd")
    assert identity is not None
    os.kill(identity.pid, 9)
    engine.down()
    engine.keep()
    assert engine.data_root.exists()
    assert not engine.kept.exists()


@pytest.mark.engine
def test_engines_that_start_and_stop_at_the_same_moment(engine_of: Callable[[str], DockerEngine]) -> None:
    """They share the chains of the firewall."""
    engines = [engine_of(f"engine {number}") for number in range(3)]
    with ThreadPoolExecutor(len(engines)) as threads:
        for _ in range(2):
            hosts = list(threads.map(DockerEngine.up, engines))
            assert all(map(answers_at, hosts))
            list(threads.map(DockerEngine.down, engines))
