"""Tests that change the shared trial run in one worker; what runs next to them does not touch it."""

from __future__ import annotations

import re

import pytest

from tests.support.stacks import ROOT
from tests.support.workers import APART, SHARED, share_of


@pytest.mark.parametrize(
    ("test", "share"),
    [
        ("tests/engine/test_kill.py::test_interrupted_leaves_no_lock", SHARED),
        ("tests/delivery_proof/test_matrix.py::test_commit_reaches_the_agents[a::b]", SHARED),
        ("tests/delivery_proof/test_real_node.py::test_x", "tests/delivery_proof/test_real_node.py"),
        ("tests/examples/test_dag_file.py::test_x[y]", "tests/examples/test_dag_file.py"),
    ],
)
def test_the_worker_of_a_test(test: str, share: str) -> None:
    assert share_of(test) == share


@pytest.mark.parametrize("place", APART)
def test_nothing_apart_asks_for_the_shared_trial(place: str) -> None:
    path = ROOT / place
    files = [path] if path.is_file() else sorted(path.glob("*.py"))
    assert files
    fixture = re.compile(r"\benvironment: Environment\b")
    assert [file.name for file in files if fixture.search(file.read_text(encoding="utf-8"))] == []
