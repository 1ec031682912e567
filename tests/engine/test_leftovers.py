"""What a run leaves on the machine that it ran on: no copy of a kubeconfig, and no core dump."""

from __future__ import annotations

import base64
import copy
import signal
from pathlib import Path

import pytest
import yaml

from drills.victims import processes_of, signal_all
from tests.engine.test_kill import namespace_first, slow
from tests.support.canaries import Canaries
from tests.support.kills import kill, started
from tests.support.processes import core_dumps, core_limit

pytestmark = pytest.mark.engine


def key_of(kubeconfig: str) -> str:
    """The key of a kubeconfig's user, as PEM text."""
    user = yaml.safe_load(kubeconfig)["users"][0]["user"]
    return base64.b64decode(user["client-key-data"]).decode()


def program_of(pid: int) -> str:
    """Name of the program that a process runs."""
    return Path(Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")[0]).name


@pytest.mark.parametrize("given", ["secret", "path", "variable"])
def test_no_copy_of_the_kubeconfig_stays(stack, tmp_path, given):
    kubeconfig = Path(stack.info.kubeconfig).read_text(encoding="utf-8")
    canaries, folder = Canaries([key_of(kubeconfig)]), tmp_path / "tmp"
    folder.mkdir()
    stack.variables["TMPDIR"] = str(folder)
    config, killed = copy.deepcopy(stack.config), slow(stack)
    for changed in (config, killed):
        if given == "secret":
            changed["kubeconfig"] = kubeconfig
        elif given == "path":
            changed["agent"]["cluster"]["kubeconfig"] = stack.info.kubeconfig
    namespace_first(stack, config, killed)

    stack.write(killed)
    kill(stack)
    assert list(canaries.below(folder)), "a killed run leaves a copy, which the next one removes"
    assert stack.pulumi("cancel", "--yes").returncode == 0
    done = stack.up(config)
    assert list(canaries.below(folder)) == []
    assert canaries.of(done.stdout + done.stderr) is None
    assert canaries.of(stack.state()) is None

    refused = copy.deepcopy(config)
    refused["agent"]["workers"][0]["values"] = {"nodeSelector": {"zone": "not a label!"}}
    for check in ("cluster", "chart"):
        refused["preflight"]["checks"][check] = {"level": "off", "reason": "the selector is wrong on purpose"}
    stack.write(refused)
    assert stack.pulumi("up", "--yes", "--skip-preview").returncode != 0
    assert list(canaries.below(folder)) == [], "a failed run ends its program in another way"


def test_no_process_of_a_run_writes_a_core_dump(stack):
    config = slow(stack)
    namespace_first(stack, config)
    stack.write(config)
    with core_dumps() as unlimited:
        program = started(stack)
        family = processes_of(program.pid, "everything")
        try:
            limits = {program_of(pid): core_limit(pid) for pid in family}
        finally:
            signal_all(family, signal.SIGKILL)
            program.wait(60)
    assert unlimited != "0"
    assert {"pulumi", "pulumi-resource-kubernetes"} <= set(limits)
    assert set(limits.values()) == {"0"}
