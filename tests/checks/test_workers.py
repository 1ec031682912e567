"""Each worker has its own trial, and what shares costly fixtures runs in one of them."""

from __future__ import annotations

import pytest

from tests.support.workers import PROOF, share_of, trial_of_this_worker


@pytest.mark.parametrize(
    ("test", "share"),
    [
        ("tests/engine/test_kill.py::test_interrupted_leaves_no_lock", "tests/engine/test_kill.py"),
        ("tests/delivery_proof/test_matrix.py::test_commit_reaches_the_agents[a::b]", PROOF),
        ("tests/delivery_proof/test_real_node.py::test_x", "tests/delivery_proof/test_real_node.py"),
        ("tests/examples/test_dag_file.py::test_x[y]", "tests/examples/test_dag_file.py"),
    ],
)
def test_the_share_of_a_test(test: str, share: str) -> None:
    assert share_of(test) == share


@pytest.mark.parametrize(
    ("worker", "folder"),
    [(None, ".trial-tests"), ("gw0", ".trial-tests"), ("gw1", ".trial-tests-gw1")],
)
def test_the_trial_of_a_worker(monkeypatch: pytest.MonkeyPatch, worker: str | None, folder: str) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    if worker:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    assert trial_of_this_worker() == folder
