"""Previews of many stacks at once, against the processor time that they need shared out among the processors."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.pairs import SECONDS, Pair, Row
from bench.trial_stacks import bench
from review import fleet
from tests.support.engine import copy_program

STACKS = 20

ROWS = (
    Row(
        "fleet",
        f"{STACKS} stacks previewed",
        "`review.fleet`",
        f"{STACKS} times the processor time of one / processors",
        {SECONDS: 1.15},
        "the floor has neither the start of the command nor the last stack, which leaves a processor idle; other work on the machine adds to it",
    ),
)


@contextmanager
def prepare(rows: frozenset[str]) -> Iterator[Mapping[str, Pair]]:
    """Stack files of one program; nothing is applied."""
    with bench() as found:
        program = copy_program(found.folder / "program")
        names = [found.described(program, f"fleet-{number:02}") for number in range(STACKS)]
        processors = os.cpu_count() or 1

        def ours() -> None:
            _preview(names, program, parallel=processors)

        def floor() -> Mapping[str, float]:
            before = _children()
            _preview(names[:1], program, parallel=1)
            return {SECONDS: STACKS * (_children() - before) / processors}

        yield dict.fromkeys(rows, Pair(ours, floor))


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _preview(names: list[str], program: Path, *, parallel: int) -> None:
    chosen = fleet.Options(folder=program, offline=True)
    outcomes = fleet.run(names, parallel=parallel, work=lambda name: fleet.work_on(name, chosen))
    failed = [item.problem or item.markdown for item in outcomes if item.failed]
    if failed:
        raise SystemExit(f"error: a preview failed: {failed[0]}")
