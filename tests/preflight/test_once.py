"""A value that several probes need."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from preflight.once import Once
from preflight.parallel import Task, gather


def test_it_is_computed_when_it_is_first_asked_for() -> None:
    computed: list[int] = []

    def compute() -> str:
        computed.append(1)
        return "value"

    value = Once(compute)
    assert not computed
    assert [value(), value()] == ["value", "value"]
    assert computed == [1]


def test_threads_wait_for_one_computation_and_get_its_error() -> None:
    computed: list[str] = []

    def compute() -> str:
        computed.append(threading.current_thread().name)
        time.sleep(0.05)
        raise ValueError("as often as asked")

    value = Once(compute)

    def ask() -> list[str]:
        return [value()]

    outcomes = gather([Task(str(number), ask) for number in range(5)], seconds=10)
    assert len(computed) == 1
    assert [str(outcome.error) for outcome in outcomes] == ["as often as asked"] * 5
    with pytest.raises(ValueError, match="as often"):
        value()


def test_values_do_not_share_anything() -> None:
    first, second = (Once(partial(str, number)) for number in (1, 2))
    assert (second(), first()) == ("2", "1")
