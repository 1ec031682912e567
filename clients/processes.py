"""Processes of this machine, distinguished from later ones with the same id (Linux, proc_pid_stat(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """One process."""

    pid: int
    """Process id."""
    started: int
    """Start in clock ticks since boot; id and start together are unique within one boot."""

    @property
    def alive(self) -> bool:
        """Whether this process is still running."""
        found = _stat(self.pid)
        return found is not None and found[1] == self.started


def machine() -> str | None:
    """Identifier of this boot and this process id namespace; None if the system does not provide it."""
    with suppress(OSError):
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    return None


def siblings(program: str) -> tuple[Process, ...]:
    """Processes of a program that an ancestor of this process started.

    The Pulumi engine starts the program (through its language host) and the plugins, so these are the plugins of this run.
    """
    ancestors = set(_ancestors(os.getpid()))
    found = []
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
            stat = _stat(int(folder.name))
            if Path(command).name == program and stat is not None and stat[0] in ancestors:
                found.append(Process(int(folder.name), stat[1]))
    return tuple(sorted(found, key=lambda process: process.pid))


def _ancestors(pid: int) -> Iterator[int]:
    while (found := _stat(pid)) is not None and found[0] > 1:
        pid = found[0]
        yield pid


def _stat(pid: int) -> tuple[int, int] | None:
    """(parent, start) of a live process; None if it does not exist or is a zombie."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may contain spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else (int(fields[1]), int(fields[19]))
