"""Measuring two ways of doing one thing alternately in one run: A B A B.

Seconds depend on the machine and on what else it does; the ratio of two medians from one run does much less.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Work = Callable[[], Mapping[str, float] | None]
"""One way of doing it, once. It may return figures other than seconds: metric -> value."""

SECONDS = "seconds"


@dataclass(frozen=True)
class Pair:
    """Two ways of doing one thing."""

    a: Work
    """Ours."""
    b: Work
    """A peer, or the floor."""
    between: Callable[[], None] | None = None
    """Restores what both ways expect to find; it is not measured."""


@dataclass(frozen=True)
class Figures:
    """The values of one way, in the order they were measured."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The value that counts."""
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        return min(self.values), max(self.values)


@dataclass(frozen=True)
class Measured:
    """Both ways, by one metric, against a goal."""

    row: str
    """Name of the row."""
    metric: str
    """What was measured, with its unit: seconds, bytes, …"""
    a: Figures
    b: Figures
    goal: float | None
    """The ratio that must not be exceeded; None: printed for information."""
    why: str = ""
    """What is known about a goal that is missed."""
    load: float = 0.0
    """Mean number of processes that wanted to run in the last minute of it."""

    @property
    def ratio(self) -> float:
        """A divided by B."""
        return self.a.median / self.b.median if self.b.median else float("inf")

    @property
    def met(self) -> bool:
        """Whether the goal is reached; what has none is always met."""
        return self.goal is None or self.ratio <= self.goal


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    """As `make bench ROWS=…` takes it."""
    title: str
    """What is done."""
    a: str
    """Our way, for people."""
    b: str
    """The other way, for people."""
    goals: Mapping[str, float | None] = field(default_factory=dict)
    """Metric -> ratio that must not be exceeded; metrics without an entry are printed for information."""
    why: str = ""
    """What is known about a goal that is missed."""


def measure(row: Row, pair: Pair, *, pairs: int) -> tuple[Measured, ...]:
    """Warm both ways up once, then measure them alternately; one result for each metric."""
    seen: dict[str, dict[str, list[float]]] = {}
    for number in range(pairs + 1):
        for side, work in (("a", pair.a), ("b", pair.b)):
            if pair.between is not None:
                pair.between()
            begun = time.perf_counter()
            extra = work() or {}
            figures = {SECONDS: time.perf_counter() - begun, **extra}
            if number:
                for metric, value in figures.items():
                    seen.setdefault(metric, {"a": [], "b": []})[side].append(value)
        sys.stderr.write(f"  {row.name}: {'warm-up' if not number else f'pair {number} of {pairs}'}\n")
    return tuple(
        Measured(
            row.name,
            metric,
            Figures(tuple(sides["a"])),
            Figures(tuple(sides["b"])),
            row.goals.get(metric),
            row.why,
            os.getloadavg()[0],
        )
        for metric, sides in seen.items()
        if sides["a"] and sides["b"]
    )
