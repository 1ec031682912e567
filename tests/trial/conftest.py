"""Parts that run by themselves: the trial's own servers, without a cluster."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from trial.certificates import Authority
from trial.downloads import Downloads
from trial.git_server import GitInfo, GitServer
from trial.gobuild import PROGRAMS
from trial.layout import Layout
from trial.memory import Memory
from trial.processes import Supervisor
from trial.progress import Progress
from trial.registry_server import RegistryInfo, RegistryServer
from trial.tools import Toolbox

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Parts:
    """What every part of a trial is made with."""

    layout: Layout
    progress: Progress
    supervisor: Supervisor
    memory: Memory


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """A trial without a cluster, with the program that holds the servers."""
    layout = Layout.of(repo=ROOT, state=tmp_path_factory.mktemp("trial"))
    progress = Progress(io.StringIO())
    builder = Toolbox(layout, progress, Downloads(allowed=False)).builder()
    layout.bin.mkdir()
    (layout.bin / "trial-services").symlink_to(builder.build(PROGRAMS["trial-services"]))
    supervisor = Supervisor(run=layout.run, logs=layout.logs)
    yield Parts(layout, progress, supervisor, Memory(layout.state / "memory.json"))
    for name in supervisor.names():
        supervisor.stop(name)


@pytest.fixture(scope="module")
def git_info(parts: Parts) -> GitInfo:
    """A running Git server with the example repositories."""
    authority = Authority(parts.layout.certificates)
    return GitServer(parts.layout, parts.progress, parts.supervisor, parts.memory, authority).up()


@pytest.fixture(scope="module")
def registry_info(parts: Parts) -> RegistryInfo:
    """A running registry."""
    return RegistryServer(parts.layout, parts.progress, parts.supervisor, parts.memory).up()
