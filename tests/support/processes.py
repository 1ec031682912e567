"""Programs that run beside a test, and what limits them."""

from __future__ import annotations

import re
import resource
import subprocess
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
