"""A private folder of this process for temporary files, because some of them are keys, and Git, ssh and TLS read keys from files only.

It is removed when the process ends, and when it was killed before it could, by the next process that makes one.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import tempfile
import threading
from pathlib import Path

from clients import processes
from clients.processes import Process

_PREFIX = "astro-dbt-run-"
_NAME = re.compile(_PREFIX + r"(?P<machine>[0-9a-f]{8})-(?P<pid>\d+)-(?P<started>\d+)-\w+")

_lock = threading.Lock()
_made: dict[int, Path] = {}
"""Process id -> its folder; a forked process makes another one."""


def private_folder() -> Path:
    """The folder of this process, which only its user can enter. Raises OSError: the temporary folder cannot be written to."""
    with _lock:
        pid = os.getpid()
        found = _made.get(pid)
        if found is None or not found.is_dir():
            parent = Path(tempfile.gettempdir())
            if found is None:
                _remove_left(parent)
                atexit.register(remove)
            _made[pid] = found = Path(tempfile.mkdtemp(prefix=_own_prefix(), dir=parent))
        return found


def remove() -> None:
    """Remove this process's folder; the next use makes another one."""
    found = _made.get(os.getpid())
    if found is not None:
        shutil.rmtree(found, ignore_errors=True)


def _own_prefix() -> str:
    machine, own = processes.machine(), processes.own()
    return (
        _PREFIX if machine is None or own is None else f"{_PREFIX}{_short(machine)}-{own.pid}-{own.started}-"
    )


def _remove_left(parent: Path) -> None:
    """Remove folders of processes that are gone; those of other boots and containers are nobody's to judge here."""
    machine = processes.machine()
    if machine is None:
        return
    for path in parent.glob(f"{_PREFIX}{_short(machine)}-*"):
        found = _NAME.fullmatch(path.name)
        if found and not path.is_symlink() and not Process(int(found["pid"]), int(found["started"])).alive:
            shutil.rmtree(path, ignore_errors=True)


def _short(machine: str) -> str:
    return hashlib.sha256(machine.encode()).hexdigest()[:8]
