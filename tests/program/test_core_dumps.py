"""No process of a run writes a core dump, with real processes in the places of engine, plugins and program."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.engine_processes import KUBERNETES, Programs
from tests.support.processes import core_dumps, core_limit, running

PROGRAM = """
import os, subprocess
from clients import processes
from program import core_dumps
from tests.support.processes import core_limit
{statement}
child = subprocess.Popen(["sleep", "600"])
family = processes.nearest_with_children("pulumi")
print(*[core_limit(pid) for pid in (os.getpid(), child.pid, *(item.pid for item in family))])
child.kill()
"""


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    (tmp_path / "bin").mkdir()
    return Programs(tmp_path / "bin")


def test_engine_plugins_program_and_its_children_write_none(programs: Programs, tmp_path: Path) -> None:
    plugins = {KUBERNETES: tmp_path / "plugin.txt"}
    with core_dumps() as unlimited, running(["sleep", "600"]) as stranger:
        before = programs.engine(PROGRAM.format(statement=""), plugins)
        assert before.split() == [unlimited] * 5, "program, its child, engine, plugin, language host"
        after = programs.engine(PROGRAM.format(statement="core_dumps.turn_off()"), plugins)
        assert after.split() == ["0"] * 5
        assert core_limit(stranger.pid) == unlimited
