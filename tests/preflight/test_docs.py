"""The docs say what the checks say, and every case has a test that triggers it."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from preflight.checks import CHECKS
from preflight.table import DOCUMENT, with_table

CASES = [(check, case) for check, definition in CHECKS.items() for case in definition.cases]
TESTS = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))


def test_the_table_in_the_docs_is_up_to_date() -> None:
    written = DOCUMENT.read_text(encoding="utf-8")
    assert written == with_table(written), "run `python -m preflight.table`"


@pytest.mark.parametrize(("check", "case"), CASES)
def test_every_case_is_triggered_by_a_test(check: str, case: str) -> None:
    assert re.search(rf'"{re.escape(check)}",\s*"{re.escape(case)}"', TESTS)


@pytest.mark.parametrize(("check", "case"), CASES)
def test_every_message_is_the_rest_of_one_sentence(check: str, case: str) -> None:
    definition = CHECKS[check].cases[case]
    assert definition.message[0].islower()
    assert not definition.message.endswith(".")
    assert "\n" not in definition.message
    assert ". " not in re.sub(r"`[^`]*`", "", definition.message)
    assert definition.severity == "info" or re.search(r"[;,] ", definition.message), "it must name a remedy"
    assert all(
        field is None or field.isidentifier()
        for _, field, _, _ in string.Formatter().parse(definition.message)
    )
