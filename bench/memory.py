"""Memory of a command together with everything that it starts."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from drills.victims import session_of

PAUSE = 0.1
"""Seconds between two samples."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


def run(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str]
) -> tuple[subprocess.CompletedProcess[str], int]:
    """Run a command in a separate session; its outcome, and the most bytes of memory that its processes held at one time."""
    with subprocess.Popen(
        list(command), cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        peak, ended = 0, threading.Event()

        def sample() -> None:
            nonlocal peak
            while not ended.wait(PAUSE):
                peak = max(peak, sum(map(_resident, session_of(process.pid))))

        sampling = threading.Thread(target=sample, daemon=True)
        sampling.start()
        try:
            stdout, stderr = process.communicate()
        finally:
            ended.set()
            sampling.join()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr), peak


def _resident(pid: int) -> int:
    """Resident memory of a process in bytes (proc_pid_statm(5)); 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0
