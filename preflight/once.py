"""A value that several probes need and that is computed once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Computes a value when it is first asked for; may be called from any thread."""

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute = compute
        self._result: Future[T] = Future()
        self._first = threading.Lock()

    def __call__(self) -> T:
        """The value. Raises, to everyone who asks, what computing it raised."""
        if self._first.acquire(blocking=False):  # never released: only one thread computes
            try:
                self._result.set_result(self._compute())
            except Exception as error:  # noqa: BLE001 - raised to everyone who asks
                self._result.set_exception(error)
        return self._result.result()
