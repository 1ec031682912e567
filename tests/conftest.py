"""Settings and fixtures of all tests."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from hypothesis import HealthCheck, settings

from tests.delivery_proof.ledger import pytest_terminal_summary
from tests.support.engine import Stack, copy_program, environment_for_tests
from tests.support.pulumi_mocks import Recorder
from tests.support.stacks import ROOT
from tests.support.terminal import visible
from tests.support.workers import TrialScheduling
from trial.downloads import Downloads
from trial.environment import Environment
from trial.gobuild import PROGRAMS
from trial.layout import Layout
from trial.progress import Progress
from trial.tools import Toolbox

__all__ = ["pytest_terminal_summary"]

# The machines that run these tests are shared and slow at times; no test is judged by the clock.
# Every run takes other examples: a few at each commit, and in continuous integration as many as Hypothesis suggests.
settings.register_profile(
    "project", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=25
)
settings.register_profile("thorough", settings.get_profile("project"), max_examples=100)
settings.load_profile(os.environ.get("EXAMPLES", "project"))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TrialScheduling | None:
    """Workers of a run with the shared trial (`--dist loadgroup`); None leaves the others to xdist."""
    return TrialScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.fixture(scope="session", autouse=True)
def _no_system_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No certificate authorities of this machine for Git: each `git fetch` would read 150, for longer than it fetches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_SSL_CAPATH", str(tmp_path_factory.mktemp("no-authorities")))
        yield


@pytest.fixture(scope="session")
def environment() -> Iterator[Environment]:
    """A running trial environment for the whole session; removed at its end, also after a failure."""
    trial = environment_for_tests()
    trial.up()
    yield trial
    trial.down()


@pytest.fixture
def recorder() -> Recorder:
    """Pulumi's mocks instead of an engine; they record what is registered."""
    mocks = Recorder()
    pulumi.runtime.set_mocks(mocks, project="astro-dbt", stack="test")
    return mocks


@pytest.fixture(scope="session")
def helm_program(request: pytest.FixtureRequest) -> Path:
    """The trial's Helm, built into the user's cache where there is no trial yet."""
    layout = Layout.of(repo=ROOT)
    linked = layout.bin / "helm"
    if linked.exists():
        return linked
    with visible(request.config), Progress() as progress:
        return Toolbox(layout, progress, Downloads()).builder().build(PROGRAMS["helm"])


@pytest.fixture
def stack_in(environment: Environment) -> Iterator[Callable[[Path, str], Stack]]:
    """Creates stacks in copies of the program; they are forgotten at the end of the test."""
    made: list[Stack] = []

    def make(folder: Path, name: str) -> Stack:
        made.append(Stack(environment, folder if folder.exists() else copy_program(folder), name))
        return made[-1]

    yield make
    for stack in made:
        stack.forget()


@pytest.fixture
def stack(stack_in: Callable[[Path, str], Stack], tmp_path: Path, request: pytest.FixtureRequest) -> Stack:
    """A stack named after the test."""
    name = (
        re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")[:40].strip("-")
    )
    return stack_in(tmp_path / "program", name)
