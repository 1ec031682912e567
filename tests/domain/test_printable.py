"""Names of files that would break a line, a terminal or a log."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.printable import printable


@given(st.text(st.characters(exclude_categories=())))
def test_one_line_that_can_be_encoded(text: str) -> None:
    found = printable(text)
    found.encode()
    assert len(found.splitlines()) <= 1
    assert "\x1b" not in found


def test_ordinary_text_stays() -> None:
    assert printable("Größe: “a”, ☃ /b\\c") == "Größe: “a”, ☃ /b\\c"
    assert printable("\x1b[31m") == "\\x1b[31m"
