"""Plugins that outlive their engine: Pulumi's official ones keep running for minutes to hours after it was killed."""

import contextlib
import os
import signal
import time
from pathlib import Path

from trial.processes import Identity, is_alive, start_time

LEAVE_SECONDS = 10.0


def plugins_below(home: Path) -> list[Identity]:
    """Live processes that were started as plugins of this PULUMI_HOME, according to their command."""
    root = f"{home / 'plugins'}{os.sep}"
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
            started = start_time(int(folder.name)) if command.startswith(root) else None
            if started is not None:
                found.append(Identity(int(folder.name), started))
    return found


def end(processes: list[Identity], *, seconds: float = LEAVE_SECONDS) -> None:
    """Terminate processes, and kill those that are still running after ``seconds``."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + seconds
        for process in filter(is_alive, processes):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, number)
        while any(map(is_alive, processes)) and time.monotonic() < deadline:
            time.sleep(0.05)
