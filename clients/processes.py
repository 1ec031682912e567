"""Processes of this machine, distinguished from later ones with the same id (Linux, proc_pid_stat(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ENGINE = "pulumi"
"""Program of the Pulumi engine, the ancestor of a program that it runs."""

NO_ENGINE = (
    "pulumi is not on PATH; install it (https://www.pulumi.com/docs/install/) or use the trial's: "
    'eval "$(make -s env)"'
)
"""What to say where it is missing."""

_PROC = Path("/proc")
_LISTENS = "0A"
"""State of a listening socket in /proc/<pid>/net/tcp."""


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


def own() -> Process | None:
    """Return this process; None if the system does not show when it started."""
    stat = _stat(os.getpid())
    return None if stat is None else Process(os.getpid(), stat[1])


def siblings(program: str) -> tuple[Process, ...]:
    """Processes of a program that an ancestor of this process started.

    The Pulumi engine starts the program (through its language host) and the plugins, so these are the plugins of this run.
    """
    ancestors = set(_ancestors(os.getpid()))
    found = []
    for folder in _PROC.glob("[0-9]*"):
        pid = int(folder.name)
        stat = _stat(pid)
        if stat is not None and stat[0] in ancestors and _program(pid) == program:
            found.append(Process(pid, stat[1]))
    return tuple(sorted(found, key=lambda process: process.pid))


def children_of_nearest(ancestor: str, program: str) -> tuple[Process, ...]:
    """Processes of a program whose parent is the nearest ancestor of this process that runs the program ``ancestor``.

    Unlike `siblings`, it leaves out what an ancestor's ancestor started, such as the plugins of an engine in which this
    engine runs as a command.
    """
    parent = _nearest(ancestor)
    return tuple(
        process
        for process in siblings(program)
        if (stat := _stat(process.pid)) is not None and stat[0] == parent
    )


def nearest_with_children(ancestor: str) -> tuple[Process, ...]:
    """The nearest ancestor of this process that runs the program ``ancestor``, then its children; empty if there is none."""
    parent = _nearest(ancestor)
    if parent is None:
        return ()
    family = {int(folder.name): _stat(int(folder.name)) for folder in _PROC.glob("[0-9]*")}
    return tuple(
        Process(pid, stat[1])
        for pid, stat in sorted(family.items(), key=lambda item: (item[0] != parent, item[0]))
        if stat is not None and parent in (pid, stat[0])
    )


def arguments_of_nearest(ancestor: str) -> tuple[str, ...]:
    """Arguments of the nearest ancestor of this process that runs the program ``ancestor``; empty if none is to be seen."""
    parent = _nearest(ancestor)
    return () if parent is None else _command(parent)[1:]


def listening_ports(pid: int) -> tuple[int, ...]:
    """TCP ports on which a process listens (proc_pid_net(5)); empty if the system does not show them."""
    sockets = set()
    with suppress(OSError):
        for descriptor in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                sockets.add(str(descriptor.readlink()))
    ports = set()
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (_PROC / str(pid) / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENS and f"socket:[{fields[9]}]" in sockets:
                    ports.add(int(fields[1].rpartition(":")[2], 16))
    return tuple(sorted(ports))


def _nearest(program: str) -> int | None:
    return next((pid for pid in _ancestors(os.getpid()) if _program(pid) == program), None)


def _program(pid: int) -> str | None:
    command = _command(pid)
    return Path(command[0]).name if command else None


def _command(pid: int) -> tuple[str, ...]:
    """Program and arguments of a process (proc_pid_cmdline(5)); empty if the system does not show them."""
    with suppress(OSError):
        text = (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace")
        return tuple(text.removesuffix("\0").split("\0"))
    return ()


def _ancestors(pid: int) -> Iterator[int]:
    while (found := _stat(pid)) is not None and found[0] > 1:
        pid = found[0]
        yield pid


def _stat(pid: int) -> tuple[int, int] | None:
    """(parent, start) of a live process; None if it does not exist or has ended.

    A killed process whose first thread has ended, and looks like a zombie, is alive until its last one has.
    """
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may contain spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    ended = fields[0] in "ZX" and int(fields[17]) <= 1
    return None if ended else (int(fields[1]), int(fields[19]))
