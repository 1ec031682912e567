"""Processes of a run, by their session."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from drills.victims import Run, plugins_of, processes_of, session_of
from tests.support.processes import FIRST_THREAD_ENDED, looks_like_a_zombie

TWO = "sleep 60 & echo started; wait"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A shell with a child, as an engine has plugins."""
    found = Run(["sh", "-c", TWO], cwd=tmp_path, env=os.environ, log=tmp_path / "log")
    assert found.sleep_until(lambda: "started" in found.output, seconds=10)
    return found


def test_everything_is_the_whole_session(run: Run) -> None:
    assert len(session_of(run.process.pid)) == 2
    run.kill("everything", signal.SIGKILL)
    assert run.wait(10) == -signal.SIGKILL
    assert _becomes_empty(run.process.pid)


def test_the_engine_is_the_leader_alone(run: Run) -> None:
    assert run.kill("engine", signal.SIGKILL) == [run.process.pid]
    assert run.wait(10) == -signal.SIGKILL
    assert len(session_of(run.process.pid)) == 1
    assert run.end() == 1
    assert _becomes_empty(run.process.pid)


def test_nobody_notices_that_another_was_killed_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child reads from its parent, and cleans up when that one is gone; the killer has little of the processor.

    It is in a separate process group, as plugins are, and below a `nohup`.
    """
    cleans_up = "import sys; print('started', flush=True); sys.stdin.read(); open('cleaned up', 'w')"
    parent = (
        "import signal, subprocess, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
        "subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdin=subprocess.PIPE, process_group=0).wait()"
    )
    run = Run([sys.executable, "-c", parent, cleans_up], cwd=tmp_path, env=os.environ, log=tmp_path / "log")
    assert run.sleep_until(lambda: "started" in run.output, seconds=10)

    def starved(process: int, how: int, kill: Callable[[int, int], None] = os.kill) -> None:
        kill(process, how)
        time.sleep(0.5)

    monkeypatch.setattr(os, "kill", starved)
    assert len(run.kill("everything", signal.SIGKILL)) == 2
    assert run.wait(10) == -signal.SIGKILL
    assert _becomes_empty(run.process.pid)
    assert not (tmp_path / "cleaned up").exists()


def test_a_process_counts_until_its_last_thread_ends(tmp_path: Path) -> None:
    run = Run(FIRST_THREAD_ENDED, cwd=tmp_path, env=os.environ, log=tmp_path / "log")
    try:
        assert looks_like_a_zombie(run.process.pid)
        assert session_of(run.process.pid) == [run.process.pid]
    finally:
        assert run.end() == 1
    assert _becomes_empty(run.process.pid)


def _becomes_empty(leader: int) -> bool:
    deadline = time.monotonic() + 10
    while session_of(leader) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not session_of(leader)


def test_plugins_are_known_by_their_program(tmp_path: Path) -> None:
    plugin = tmp_path / "pulumi-resource-kubernetes"
    plugin.symlink_to("/bin/sleep")
    run = Run(["sh", "-c", f"{plugin} 60 & wait"], cwd=tmp_path, env=os.environ, log=tmp_path / "log")
    try:
        assert run.sleep_until(lambda: bool(plugins_of(run.process.pid)), seconds=10)
        assert processes_of(run.process.pid, "plugin") == plugins_of(run.process.pid)
        assert run.process.pid not in plugins_of(run.process.pid)
    finally:
        run.end()


def test_a_condition_is_waited_for_no_longer_than_the_run(tmp_path: Path) -> None:
    run = Run(["true"], cwd=tmp_path, env=os.environ, log=tmp_path / "log")
    assert not run.sleep_until(lambda: False, seconds=60)
    assert run.wait(10) == 0
