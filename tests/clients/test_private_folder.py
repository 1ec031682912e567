"""Temporary files of a process are its own, and gone when it is, however it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import running
from tests.support.stacks import ROOT

PROGRAM = """
import os, sys
from clients.private_folder import private_folder, remove
folder = private_folder()
assert private_folder() == folder
(folder / "key").write_text("canary-key")
print(folder, oct(folder.stat().st_mode & 0o777), flush=True)
{then}
"""
WAIT = "sys.stdin.read()"


def variables(folder: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}


def run(folder: Path, then: str) -> list[str]:
    command = [sys.executable, "-c", PROGRAM.format(then=then)]
    done = subprocess.run(command, env=variables(folder), capture_output=True, text=True, check=False)
    return done.stdout.split()


@pytest.mark.parametrize("then", ["", "raise SystemExit(3)", "raise ValueError", "remove(); os._exit(130)"])
def test_it_is_private_and_gone_at_the_end(tmp_path: Path, then: str) -> None:
    path, mode = run(tmp_path, then)
    assert Path(path).parent == tmp_path
    assert mode == "0o700"
    assert list(tmp_path.iterdir()) == []


def test_after_it_is_removed_there_is_another_one(tmp_path: Path) -> None:
    first, _, second = run(tmp_path, "remove(); print(private_folder())")
    assert first != second
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    left, _ = run(tmp_path, "os.kill(os.getpid(), 9)")
    assert (Path(left) / "key").exists()
    run(tmp_path, "")
    assert list(tmp_path.iterdir()) == []


def test_folders_of_living_processes_and_of_others_stay(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM.format(then=WAIT)]
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with running(command, env=variables(tmp_path), **options) as alive:
        used = Path(alive.stdout.readline().split()[0])
        machine = used.name.removeprefix("astro-dbt-run-").split("-")[0]
        others = [
            "astro-dbt-run-00000000-1-1-abc",  # another boot or container
            f"astro-dbt-run-{machine}-1-abc",
            "astro-dbt-run-abc",
            "astro-dbt-git-abc",
        ]
        for name in others:
            (tmp_path / name).mkdir()
        run(tmp_path, "")
        assert (used / "key").exists()
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([used.name, *others])
        alive.send_signal(signal.SIGKILL)
        alive.wait()
        run(tmp_path, "")
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_a_forked_process_has_another_one(tmp_path: Path) -> None:
    then = (
        "child = os.fork()\n"
        "if not child: print(private_folder(), flush=True); remove(); os._exit(0)\n"
        "os.waitpid(child, 0); assert (folder / 'key').exists()"
    )
    first, _, second = run(tmp_path, then)
    assert first != second
    assert list(tmp_path.iterdir()) == []
