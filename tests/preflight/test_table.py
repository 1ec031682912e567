"""The table in docs/preflight.md."""

from __future__ import annotations

from preflight.table import DOCUMENT, with_table


def test_the_table_in_the_docs_is_up_to_date() -> None:
    written = DOCUMENT.read_text(encoding="utf-8")
    assert written == with_table(written), "run `python -m preflight.table`"
