"""Fixtures: the stand-in charts, rendered with a real Helm."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from local.layout import cache_folder
from tests.support.helm_chart import CHARTS, Chart, Lint, Render, Rendered


@pytest.fixture(scope="session")
def helm() -> Path:
    """Return a Helm 3: the one on PATH, else the one the trial keeps in its cache."""
    on_path = shutil.which("helm")
    if on_path:
        return Path(on_path)
    kept = sorted(
        (path for path in cache_folder().rglob("helm") if path.is_file() and os.access(path, os.X_OK)),
        key=lambda path: path.stat().st_mtime,
    )
    if not kept:
        pytest.fail("These tests need Helm: run `make up` once, or put Helm 3 on PATH.")
    return kept[-1]


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
