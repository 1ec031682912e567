"""Running tasks side by side within a time limit, and collecting what each of them yields."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Task(Generic[T]):
    """One thing to do in a separate thread."""

    name: str
    """What it is, for people."""
    work: Callable[[], Iterable[T]]
    """Yields results until it ends."""


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What a task did within the time limit."""

    results: tuple[T, ...]
    """Everything that it yielded, in order."""
    finished: bool
    """Whether it ended."""
    error: Exception | None
    """What ended it early, if anything."""


@dataclass(frozen=True)
class _End:
    error: Exception | None


def gather(tasks: Iterable[Task[T]], *, seconds: float) -> list[Outcome[T]]:
    """The outcome of each task, in the order of the tasks, after ``seconds`` at the latest.

    Threads only send; nothing that they share is changed by them. They are daemons: one that hangs neither delays this call
    nor keeps the program from ending.
    """
    started = list(tasks)
    sent: SimpleQueue[tuple[int, T | _End]] = SimpleQueue()
    for index, task in enumerate(started):
        threading.Thread(target=_run, args=(index, task, sent), name=task.name, daemon=True).start()
    results: list[list[T]] = [[] for _ in started]
    ends: dict[int, _End] = {}
    limit = time.monotonic() + seconds
    while len(ends) < len(started):
        try:
            index, item = sent.get(timeout=max(0.0, limit - time.monotonic()))
        except Empty:
            break
        if isinstance(item, _End):
            ends[index] = item
        else:
            results[index].append(item)
    return [
        Outcome(tuple(found), finished=index in ends, error=ends[index].error if index in ends else None)
        for index, found in enumerate(results)
    ]


def _run(index: int, task: Task[T], sent: SimpleQueue[tuple[int, T | _End]]) -> None:
    error: Exception | None = None
    try:
        for result in task.work():
            sent.put((index, result))
    except Exception as failure:  # noqa: BLE001 - reported by whoever started the task
        error = failure
    sent.put((index, _End(error)))
