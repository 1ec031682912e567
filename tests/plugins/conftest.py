"""Fixtures of the tests of plugins and language host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.scratch import Scratch
from trial.environment import Environment


@pytest.fixture
def scratch(environment: Environment, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scratch]:
    """A separate program for each test; what it created is destroyed at the end."""
    made = Scratch(environment, tmp_path / "program", request.node.name)
    yield made
    made.remove()
