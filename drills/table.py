"""Tables of drills, in Markdown, row by row as they come."""

from __future__ import annotations

import sys
from collections.abc import Sequence


class Table:
    """A table on standard output."""

    def __init__(self, *columns: str) -> None:
        self._print(columns)
        self._print(["---"] * len(columns))

    def row(self, *cells: object) -> None:
        """One row."""
        self._print([str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells])

    @staticmethod
    def _print(cells: Sequence[str]) -> None:
        sys.stdout.write(f"| {' | '.join(cells)} |\n")
        sys.stdout.flush()
