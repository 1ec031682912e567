"""A thread of the program that looks at something while the engine changes it."""

from __future__ import annotations

import contextvars
import threading
import time
from typing import Protocol

from clients.errors import RemoteError

UNREADABLE = (RemoteError, AttributeError, KeyError, TypeError, ValueError)
"""No answer, or one that is not as documented; watching a change must never disturb it."""


class Watch(Protocol):
    """What looks."""

    def look(self, now: float) -> None:
        """Look once; ``now`` is a monotonic time in seconds."""


class WatchThread:
    """A thread that looks every ``pause`` seconds until it is told to stop; what a look raises is left to the next one."""

    def __init__(self, watch: Watch, *, pause: float) -> None:
        self._watch, self._pause = watch, pause
        self._over = threading.Event()
        context = contextvars.copy_context()  # Pulumi keeps its connection to the engine there
        self._thread = threading.Thread(target=context.run, args=(self._run,), daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(self._pause):
            try:
                self._watch.look(time.monotonic())
            except UNREADABLE:
                continue

    def stop(self) -> None:
        """End it; returns when the one under way is over."""
        self._over.set()
        self._thread.join()
