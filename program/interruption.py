"""Exiting quietly if the engine ends a run, and what has to be done before a program ends in whatever way."""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

EXIT_CODE = 130
"""Exit code that shells use for a program ended by SIGINT."""

_last: list[Callable[[], None]] = []


def at_end(work: Callable[[], None]) -> None:
    """Do ``work`` when the program ends, also if the engine interrupts it."""
    _last.append(work)
    atexit.register(work)


def leave_quietly() -> None:
    """Exit without a traceback if the engine interrupts the program.

    Pulumi sends SIGINT to the program after a resource has failed, and Python would print a KeyboardInterrupt of some forty
    lines after the one error that matters. All state is in the engine, so the program can exit at once.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _leave)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    try:
        for work in _last:
            work()
    finally:
        os._exit(EXIT_CODE)
