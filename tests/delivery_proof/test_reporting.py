"""What workers proved reaches the table at the end of a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import execnet
import pytest

from tests.delivery_proof import reporting
from tests.delivery_proof.ledger import Entry, Ledger

ENTRY = Entry("matrix", "one token", "1.0.1", "works", 2.5, image="agent@sha256:" + "0" * 64)


def test_entries_of_a_worker_reach_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = SimpleNamespace(config=SimpleNamespace(workeroutput={}))
    monkeypatch.setattr(reporting, "LEDGER", Ledger([ENTRY]))
    reporting.pytest_sessionfinish(cast(Any, worker))
    sent = execnet.loads(execnet.dumps(worker.config.workeroutput))
    monkeypatch.setattr(reporting, "LEDGER", Ledger())
    reporting.pytest_testnodedown(SimpleNamespace(workeroutput=sent))
    assert reporting.LEDGER.entries == [ENTRY]


def test_a_run_without_workers_and_a_worker_that_crashed_add_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "LEDGER", Ledger([ENTRY]))
    reporting.pytest_sessionfinish(cast(Any, SimpleNamespace(config=SimpleNamespace())))
    reporting.pytest_testnodedown(SimpleNamespace())
    assert reporting.LEDGER.entries == [ENTRY]
