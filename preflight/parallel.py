"""Doing things side by side with a bound in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass
class Task:
    """One thing to do, in a thread of its own."""

    name: str
    """What it is, for people."""
    work: Callable[[], None]
    """What to do."""
    error: Exception | None = field(default=None, init=False)
    """What went wrong."""
    finished: bool = field(default=False, init=False)
    """Whether it ended in time."""


def together(tasks: Iterable[Task], *, seconds: float) -> list[Task]:
    """Run the tasks side by side and return all of them after ``seconds`` at the latest.

    The threads are daemons: one that hangs neither delays this call nor keeps the program from ending.
    """
    started = list(tasks)
    threads = [threading.Thread(target=_run, args=(task,), name=task.name, daemon=True) for task in started]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return started


def _run(task: Task) -> None:
    try:
        task.work()
    except Exception as error:  # noqa: BLE001 - reported by whoever started the task
        task.error = error
    task.finished = True
