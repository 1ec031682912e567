"""Rows that share an environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bench.pairs import Pair, Row


@dataclass(frozen=True)
class Group:
    """Rows, and how to prepare them."""

    rows: tuple[Row, ...]
    """The rows, in the order in which they are measured."""
    prepare: Callable[[frozenset[str]], AbstractContextManager[Mapping[str, Pair]]]
    """Names of the chosen rows -> name -> what is measured; raises SystemExit with the reason where it cannot be."""
