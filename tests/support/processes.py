"""Programs that run beside a test, and what limits them."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def running(command: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A program that is killed at the end of the block, also if that fails.

    ``with subprocess.Popen(…)`` waits for the program then, and a failed test would hang with one that does not end by itself.
    """
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def core_limit(pid: int) -> str:
    """Largest core dump in bytes that a process may write, or `unlimited` (proc_pid_limits(5))."""
    text = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    found = re.search(r"^Max core file size +(\S+)", text, re.MULTILINE)
    assert found, text
    return found[1]


@contextmanager
def core_dumps() -> Iterator[str]:
    """Have this process, and what it starts, write core dumps as large as this system allows; that limit, as `core_limit`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        yield "unlimited" if hard == resource.RLIM_INFINITY else str(hard)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


FIRST_THREAD_ENDED = (
    sys.executable,
    "-c",
    "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(600,)).start(); "
    "ctypes.CDLL(None).pthread_exit(None)",
)
"""A program whose first thread has ended soon, so that it looks like a zombie, while another one runs."""


def looks_like_a_zombie(pid: int) -> bool:
    """Wait until the first thread of `FIRST_THREAD_ENDED` has ended; false if it has not within 10 seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False
