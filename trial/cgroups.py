"""Control groups of containers: stopping leftover processes, and removing the groups."""

import contextlib
import os
import signal
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def named(name: str) -> list[Path]:
    """The top control groups with a name: one per controller in version 1, one in version 2."""
    return sorted({path for pattern in (name, f"*/{name}") for path in ROOT.glob(pattern) if path.is_dir()})


def remove(top: Path) -> None:
    """Kill every process in a control group and its subgroups, and remove it."""
    folders = [*(path for path in top.rglob("*") if path.is_dir()), top]
    deadline = time.monotonic() + 5
    while (left := [pid for folder in folders for pid in _processes(folder)]) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _processes(folder: Path) -> list[int]:
    try:
        return [int(line) for line in (folder / "cgroup.procs").read_text(encoding="ascii").split()]
    except OSError:
        return []
