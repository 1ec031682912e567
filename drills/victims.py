"""A run of the CLI in a separate session, and its processes, which a drill or a test kills."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trial.processes import start_time

PLUGIN = b"pulumi-resource-kubernetes"
"""Program in which Helm runs."""


class Run:
    """A command in a separate session, as a CI job is one; its output goes to a file."""

    def __init__(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("w", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                list(command), cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.started = time.monotonic()

    @property
    def ended(self) -> bool:
        """Whether the command itself has ended."""
        return self.process.poll() is not None

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait(self, seconds: float) -> int | None:
        """Exit code; None if it did not end within ``seconds``."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(seconds)
        return None

    def sleep_until(self, condition: Callable[[], bool], *, seconds: float) -> bool:
        """Wait until a condition holds; False if the run ended or ``seconds`` passed before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.ended:
            if condition():
                return True
            time.sleep(0.01)
        return False

    def kill(self, who: str, how: signal.Signals) -> list[int]:
        """Send a signal to the engine, the Kubernetes plugin or everything; returns the processes that were there."""
        found = processes_of(self.process.pid, who)
        signal_all(found, how)
        return found

    def end(self) -> int:
        """Kill what is left of the session; returns how many processes that were."""
        left = session_of(self.process.pid)
        signal_all(left, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        return len(left)


def signal_all(processes: Sequence[int], how: signal.Signals) -> None:
    """Send a signal to processes; those that ended meanwhile are skipped.

    SIGKILL meets all of them stopped, and what was started last first, as a machine that dies takes everything at once. On a
    busy one the program would otherwise notice that its engine is gone, and clean up, before its turn comes. The order counts
    because the kernel continues a stopped process group that the death of its parent leaves behind (setpgid(2)).
    """
    if how != signal.SIGKILL:
        _signal(processes, how)
        return
    _signal(processes, signal.SIGSTOP)
    _signal(sorted(processes, reverse=True), signal.SIGKILL)


def _signal(processes: Sequence[int], how: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, how)


def processes_of(leader: int, who: str) -> list[int]:
    """Processes of a session by role: "engine", "plugin" or "everything".

    Each plugin is in a separate process group; what kills a CI job or a machine takes the whole session.
    """
    if who == "engine":
        return [leader]
    return session_of(leader) if who == "everything" else plugins_of(leader)


def plugins_of(leader: int) -> list[int]:
    """Processes of the Kubernetes plugin in a session."""
    return [pid for pid in session_of(leader) if PLUGIN in _command_of(pid)]


def _command_of(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    return b""


def session_of(leader: int) -> list[int]:
    """Live processes of a session, the leader first."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            if os.getsid(int(folder.name)) == leader and start_time(int(folder.name)) is not None:
                found.append(int(folder.name))
    return sorted(found)
