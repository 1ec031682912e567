"""Exiting quietly if the engine ends a run."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

EXIT_CODE = 130
"""Exit code that shells use for a program ended by SIGINT."""


def leave_quietly() -> None:
    """Exit without a traceback if the engine interrupts the program.

    Pulumi sends SIGINT to the program after a resource has failed, and Python would print a KeyboardInterrupt of some forty
    lines after the one error that matters. All state is in the engine, so the program can exit at once.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _leave)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    os._exit(EXIT_CODE)
