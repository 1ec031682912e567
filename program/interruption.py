"""Leaving quietly when the engine ends a run."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

EXIT_CODE = 130
"""What shells use for a program ended by SIGINT."""


def leave_quietly() -> None:
    """End the program without a traceback when the engine interrupts it.

    Pulumi sends SIGINT to the program after a resource has failed; Python would print a KeyboardInterrupt of some forty
    lines behind the one error that matters. Everything that must be kept is in the engine, so the program can go at once.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _leave)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    os._exit(EXIT_CODE)
