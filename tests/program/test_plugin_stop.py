"""Cancelling and ending a plugin of this run's engine, with real processes in the places of engine, plugins and program."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.engine_processes import DOCKER, KUBERNETES, PLUGIN, Programs
from tests.support.processes import running
from tests.support.stacks import ROOT

CANCELS = """
from program.plugin_stop import cancel_helm
print(cancel_helm("pulumi-resource-kubernetes"))
"""
ENDS = """
import time
from pathlib import Path
from clients import processes
from program.plugin_stop import end_plugin
found = processes.children_of_nearest("pulumi", "pulumi-resource-docker")
print(end_plugin("pulumi-resource-docker"))
deadline = time.monotonic() + 10
while any(Path(f"/proc/{item.pid}/cmdline").read_bytes() for item in found) and time.monotonic() < deadline:
    time.sleep(0.02)
"""


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    (tmp_path / "bin").mkdir()
    return Programs(tmp_path / "bin")


def test_only_the_plugin_of_this_runs_engine_is_cancelled(programs: Programs, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.txt" for name in (KUBERNETES, DOCKER, "stranger")}
    command = [programs.named(KUBERNETES), "-c", PLUGIN, str(files["stranger"])]
    with running(command, cwd=ROOT, env=programs.environment):
        plugins = {name: files[name] for name in (KUBERNETES, DOCKER)}
        assert programs.engine(CANCELS, plugins) == "True"
        while not files["stranger"].exists():
            time.sleep(0.05)
        # An ancestor of the program that is not its engine started the stranger.
        assert {name: file.read_text() for name, file in files.items()} == {
            KUBERNETES: "cancelled",
            DOCKER: "ready",
            "stranger": "ready",
        }


def test_only_the_plugin_of_this_runs_engine_is_ended(programs: Programs, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.txt" for name in (KUBERNETES, DOCKER, "stranger")}
    command = [programs.named(DOCKER), "-c", PLUGIN, str(files["stranger"])]
    with running(command, cwd=ROOT, env=programs.environment) as stranger:
        plugins = {name: files[name] for name in (KUBERNETES, DOCKER)}
        assert programs.engine(ENDS, plugins) == "True"
        while not files["stranger"].exists():
            time.sleep(0.05)
        assert stranger.poll() is None
        assert {name: file.read_text() for name, file in files.items()} == {
            KUBERNETES: "ready",
            DOCKER: "ended",
            "stranger": "ready",
        }


@pytest.mark.parametrize("program", [CANCELS, ENDS], ids=["cancels", "ends"])
def test_without_a_plugin_nothing_is_touched(programs: Programs, program: str) -> None:
    assert programs.engine(program, {}) == "False"
