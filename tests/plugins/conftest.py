"""Fixtures of the tests of plugins and language host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.scratch import Scratch, slug, write_chart
from trial.environment import Environment


@pytest.fixture
def scratch(environment: Environment, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scratch]:
    """A program of the test's own; what it made is destroyed at the end."""
    made = Scratch(environment, tmp_path / "program", slug(request.node.name))
    yield made
    made.remove()


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A small chart on disk."""
    return write_chart(tmp_path / "chart")
