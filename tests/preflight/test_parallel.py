"""Tasks side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from preflight.parallel import Outcome, Task, gather


def test_outcomes_have_the_order_of_the_tasks() -> None:
    def slow() -> Iterator[int]:
        time.sleep(0.05)
        yield from (1, 2)

    outcomes = gather([Task("slow", slow), Task("fast", lambda: [3])], seconds=10)
    assert outcomes == [Outcome((1, 2), True, None), Outcome((3,), True, None)]


def test_a_task_that_fails_keeps_what_it_yielded() -> None:
    failure = OSError("canary")

    def fail() -> Iterator[int]:
        yield 1
        raise failure

    assert gather([Task("failing", fail)], seconds=10) == [Outcome((1,), True, failure)]


def test_a_task_that_hangs_keeps_what_it_yielded_and_delays_nothing() -> None:
    release = threading.Event()

    def hang() -> Iterator[int]:
        yield 1
        release.wait(60)
        yield 2

    begun = time.monotonic()
    outcomes = gather([Task("hanging", hang), Task("good", lambda: [3])], seconds=0.3)
    release.set()
    assert time.monotonic() - begun < 10
    assert outcomes == [Outcome((1,), False, None), Outcome((3,), True, None)]


def test_tasks_run_side_by_side() -> None:
    meeting = threading.Barrier(3, timeout=10)

    def meet() -> list[int]:
        return [meeting.wait()]

    outcomes = gather([Task(str(number), meet) for number in range(3)], seconds=20)
    assert sorted(outcome.results[0] for outcome in outcomes) == [0, 1, 2]


def test_no_tasks_take_no_time() -> None:
    nothing: list[Task[int]] = []
    assert gather(nothing, seconds=0) == []
