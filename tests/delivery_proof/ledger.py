"""The table of what was proved: one line per case, printed at the end of a run and kept in reports/delivery.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.support.stacks import ROOT

DOCUMENT = ROOT / "docs" / "delivery.md"
REPORT = ROOT / "reports" / "delivery.md"
MATRIX = "matrix"
KEY = "proof of delivery"
COLUMNS = ("table", "case", "on", "image", "result", "seconds", "detail")


class Ledger:
    """Takes down what a test proved, among its report's properties: those reach the end of a run from every worker."""

    def __init__(self, record: Callable[[str, object], None]) -> None:
        self._record = record

    def add(
        self,
        table: str,
        case: str,
        on: str,
        result: str,
        seconds: float,
        detail: str = "",
        *,
        image: str = "",
    ) -> None:
        """Note what came out of a case on a version of the Git provider (or by a kind of proof), and in which image."""
        digest = image.partition("@sha256:")[2][:12] or image
        self._record(KEY, [table, case, on, digest, result, f"{seconds:.1f}", detail])


def entries(reports: Iterable[Any]) -> list[list[str]]:
    """What the reports of tests hold."""
    return [value for report in reports for name, value in report.user_properties if name == KEY]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table and keep it."""
    ended = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    if not (found := entries(ended)):
        return
    rows = [f"| {' | '.join(row)} |" for row in (COLUMNS, ["---"] * len(COLUMNS), *sorted(found))]
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n".join(["# Proof of delivery", "", *rows, ""]), encoding="utf-8")
    terminalreporter.section(KEY)
    for row in rows:
        terminalreporter.line(row)
    terminalreporter.line(f"kept in {REPORT}")


def documented(name: str) -> dict[str, dict[str, str]]:
    """A table of docs/delivery.md between the comments `<!-- name -->` and `<!-- /name -->`: case -> column -> cell."""
    found = re.search(
        rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL
    )
    assert found, f"{DOCUMENT} has no table {name}"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].strip().splitlines()]
    header, _, *body = rows
    return {row[0].strip("`"): dict(zip(header[1:], row[1:], strict=True)) for row in body}
