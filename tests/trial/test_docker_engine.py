"""What a killed Docker engine leaves does not get in the way of the next one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.processes import running
from trial.docker_engine import clear_after_kill

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
