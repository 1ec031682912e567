"""Fixtures: the stand-in charts, rendered with a real Helm."""

from pathlib import Path

import pytest

from tests.support.helm_chart import Chart, Lint, Render


@pytest.fixture
def generation() -> int:
    """Major version of the chart under test, which a module may override."""
    return 2


@pytest.fixture
def chart(helm_program: Path, generation: int, tmp_path: Path) -> Chart:
    """The chart under test."""
    return Chart(helm_program, generation, tmp_path)


@pytest.fixture
def render(chart: Chart) -> Render:
    """Function from values to the rendered objects."""
    return chart.render


@pytest.fixture
def lint(chart: Chart) -> Lint:
    """Function from values to what a lint prints."""
    return chart.lint
