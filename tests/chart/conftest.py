"""Fixtures: the stand-in charts, rendered with a real Helm."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.helm_chart import CHARTS, Chart, Lint, Render, Rendered
from tests.support.terminal import visible
from trial.downloads import Downloads
from trial.gobuild import PROGRAMS
from trial.layout import Layout
from trial.progress import Progress
from trial.tools import Toolbox

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def helm(request: pytest.FixtureRequest) -> Path:
    """Return the trial's Helm, building it into the user's cache when there is no trial yet."""
    layout = Layout.of(repo=REPOSITORY)
    linked = layout.bin / "helm"
    if linked.exists():
        return linked
    with visible(request.config), Progress() as progress:
        return Toolbox(layout, progress, Downloads()).builder().build(PROGRAMS["helm"])


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
