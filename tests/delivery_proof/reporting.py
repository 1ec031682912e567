"""Hooks that bring the table of what was proved from the workers of a run to its end."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import pytest

from tests.delivery_proof.ledger import Entry, Ledger

LEDGER = Ledger()
STARTED = time.monotonic()
KEY = "proof of delivery"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the entries of a worker to the process that started it."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[KEY] = [asdict(entry) for entry in LEDGER.entries]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over the entries of a worker that has ended; one that crashed has none."""
    LEDGER.entries += [Entry(**entry) for entry in getattr(node, "workeroutput", {}).get(KEY, [])]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table and keep it."""
    written = LEDGER.write()
    if written is None:
        return
    terminalreporter.section(KEY)
    for entry in LEDGER.entries:
        terminalreporter.line(
            f"{entry.seconds:7.1f} s  {entry.on:16} {entry.digest:12} {entry.case:45} {entry.result}"
        )
    terminalreporter.line(f"kept in {written}; {time.monotonic() - STARTED:.0f} s in all")
