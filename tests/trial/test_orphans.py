"""Plugins that outlived their engine are found by their command, and ended."""

import shutil
import subprocess
from pathlib import Path

from tests.support.processes import running
from trial import orphans
from trial.processes import is_alive


def sleep_as(program: Path) -> list[str | Path]:
    program.parent.mkdir(parents=True)
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    return [program, "600"]


def test_plugins_of_this_home_alone_are_found_and_ended(tmp_path: Path) -> None:
    home = tmp_path / "home"
    below = Path("plugins") / "resource-x-v1.0.0" / "pulumi-resource-x"
    with running(sleep_as(home / below)) as plugin, running(sleep_as(tmp_path / "other" / below)) as other:
        found = orphans.plugins_below(home)
        assert [item.pid for item in found] == [plugin.pid]
        orphans.end(found)
        assert not is_alive(found[0])
        assert other.poll() is None


def test_one_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "plugins" / "resource-x-v1.0.0" / "pulumi-resource-x"
    program.parent.mkdir(parents=True)
    shutil.copy(shutil.which("bash") or "/bin/bash", program)
    # Built-in commands only: a shell that forks is seen twice until its child has executed another program.
    script = "trap '' TERM; echo ready; while :; do read -r line; done"
    with running([program, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stubborn:
        stubborn.stdout.readline()
        found = orphans.plugins_below(tmp_path)
        assert [item.pid for item in found] == [stubborn.pid]
        orphans.end(found, seconds=0.3)
        assert not is_alive(found[0])
