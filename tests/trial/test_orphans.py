"""Plugins that outlived their engine are found by their command, and ended."""

import shutil
import subprocess
from pathlib import Path

from trial import orphans
from trial.processes import is_alive


def start_as(program: Path) -> subprocess.Popen[bytes]:
    program.parent.mkdir(parents=True)
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    return subprocess.Popen([program, "600"])


def test_plugins_of_this_home_alone_are_found_and_ended(tmp_path: Path) -> None:
    home = tmp_path / "home"
    plugin = start_as(home / "plugins" / "resource-x-v1.0.0" / "pulumi-resource-x")
    other = start_as(tmp_path / "other" / "plugins" / "resource-x-v1.0.0" / "pulumi-resource-x")
    try:
        found = orphans.plugins_below(home)
        assert [item.pid for item in found] == [plugin.pid]
        orphans.end(found)
        assert not is_alive(found[0])
        assert other.poll() is None
    finally:
        for process in (plugin, other):
            process.kill()
            process.wait()


def test_one_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "plugins" / "resource-x-v1.0.0" / "pulumi-resource-x"
    program.parent.mkdir(parents=True)
    shutil.copy(shutil.which("bash") or "/bin/bash", program)
    script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    with subprocess.Popen([program, "-c", script], stdout=subprocess.PIPE) as stubborn:
        assert stubborn.stdout is not None
        stubborn.stdout.readline()
        found = orphans.plugins_below(tmp_path)
        assert [item.pid for item in found] == [stubborn.pid]
        orphans.end(found, seconds=0.3)
        assert not is_alive(found[0])
