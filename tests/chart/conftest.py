"""Fixtures: the stand-in charts, rendered with a real Helm."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.helm_chart import CHARTS, Chart, Lint, Render, Rendered


@pytest.fixture(scope="session")
def helm(helm_program: Path) -> Path:
    """Return the trial's Helm."""
    return helm_program


@pytest.fixture
def chart(helm: Path) -> Chart:
    """Return the chart under test: 2.x, unless a module overrides it."""
    return Chart(helm=helm, folder=CHARTS / "astro-remote-execution-agent")


@pytest.fixture
def render(chart: Chart, tmp_path: Path) -> Render:
    """Return a function from values to the rendered objects; it raises RenderError."""

    def rendered(*, defaults: bool = False, **values: Any) -> Rendered:
        command = ["template", "trial", "--namespace", "elsewhere"]
        return Rendered(chart.run(command, defaults=defaults, values=values, scratch=tmp_path))

    return rendered


@pytest.fixture
def lint(chart: Chart, tmp_path: Path) -> Lint:
    """Return a function that lints the chart with values; it raises RenderError."""

    def linted(*, defaults: bool = False, **values: Any) -> str:
        return chart.run(["lint", "--strict"], defaults=defaults, values=values, scratch=tmp_path)

    return linted
