"""No core dumps of a run, because the memory of its processes holds the stack's secrets."""

from __future__ import annotations

import contextlib
import sys

from clients import processes

if sys.platform != "win32":
    import resource


def turn_off() -> None:
    """Let this process, its engine and the engine's plugins write no core dump, and neither what they start from now on.

    Only the soft limit changes (getrlimit(2)), so whoever needs a dump can raise it again. Where the system does not let one process
    change the limits of another (macOS), it holds for this process and what it starts.
    """
    if sys.platform == "win32":
        return  # there are no core dumps there
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if hasattr(resource, "prlimit"):
        for process in processes.nearest_with_children(processes.ENGINE):
            with contextlib.suppress(OSError):
                _, hard = resource.prlimit(process.pid, resource.RLIMIT_CORE)
                resource.prlimit(process.pid, resource.RLIMIT_CORE, (0, hard))
