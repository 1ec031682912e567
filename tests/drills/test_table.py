"""Tables of drills."""

from __future__ import annotations

import pytest

from drills.faults import LATER, cells, sentence_of
from drills.table import Table


def test_a_cell_breaks_no_row(capsys: pytest.CaptureFixture[str]) -> None:
    Table("a", "b").row(1, "x | y\nz")
    assert capsys.readouterr().out == "| a | b |\n| --- | --- |\n| 1 | x \\| y z |\n"


def test_the_own_sentence_comes_first() -> None:
    own = "error: astro-dbt:dags.repo cannot be reached; check it"
    assert sentence_of(f"Updating\n  error: update failed\n    {own}\n") == own.removeprefix("error: ")
    assert sentence_of("  error: update failed\n") == "update failed"
    assert sentence_of(" ~  docker:index:Image client updating (2s) error: not found\n") == "not found"
    assert sentence_of("done\n") == ""


def test_cells_have_names_of_their_own() -> None:
    names = [cell.name for cell in cells()]
    assert len(set(names)) == len(names)
    assert sum("first change" in name for name in names) == sum(map(len, LATER.values()))
