"""Cancelling the plugin of this run's engine, with real processes in the places of engine, plugins and program."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.engine_processes import DOCKER, KUBERNETES, PLUGIN, Programs
from tests.support.processes import running
from tests.support.stacks import ROOT

PROGRAM = """
from program.helm_stop import cancel_helm
print(cancel_helm("pulumi-resource-kubernetes"))
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
        assert programs.engine(PROGRAM, plugins) == "True"
        while not files["stranger"].exists():
            time.sleep(0.05)
        # An ancestor of the program that is not its engine started the stranger.
        assert {name: file.read_text() for name, file in files.items()} == {
            KUBERNETES: "cancelled",
            DOCKER: "ready",
            "stranger": "ready",
        }


def test_without_a_plugin_nothing_is_cancelled(programs: Programs) -> None:
    assert programs.engine(PROGRAM, {}) == "False"
