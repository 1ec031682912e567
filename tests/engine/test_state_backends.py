"""State in an S3-compatible bucket, and two runs of one stack at once."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.engine import Stack, copy_program
from tests.support.s3_server import BUCKET, backend_variables, s3_server
from trial.environment import Environment

pytestmark = pytest.mark.engine

HOLD = """
import os as _os
import time as _time

if "HOLD" in _os.environ:
    Path(_os.environ["HOLD"] + ".started").touch()
    while Path(_os.environ["HOLD"]).exists():
        _time.sleep(0.1)


main()
"""
"""End of the program in which a run waits, so that another one surely meets it."""


@pytest.fixture
def bucket():
    """Address (host:port) of a server with one empty bucket."""
    with s3_server() as address:
        yield address


class WithBucket(Environment):
    """The trial environment with the state elsewhere."""

    def __init__(self, environment, address):
        super().__init__(repo=environment.layout.repo, state=environment.layout.state)
        self.environment, self.address = environment, address

    def variables(self):
        return {**self.environment.variables(), **backend_variables(self.address)}


def object_of(address, key):
    with urllib.request.urlopen(f"http://{address}/{BUCKET}/{key}") as answer:
        return answer.read().decode()


def test_state_in_a_bucket_and_two_updates_at_once(environment, bucket, tmp_path):
    folder = copy_program(tmp_path / "program")
    program = folder / "__main__.py"
    text = program.read_text(encoding="utf-8")
    assert text.endswith("\nmain()\n")
    program.write_text(text.removesuffix("\nmain()\n") + HOLD, encoding="utf-8")
    stack = Stack(WithBucket(environment, bucket), folder, "in-a-bucket")
    try:
        check_state_and_lock(stack, bucket, tmp_path / "hold")
    finally:
        stack.remove()


def check_state_and_lock(stack, address, hold):
    stack.write()
    hold.touch()
    command = ["pulumi", "up", "--yes", "--skip-preview", "--stack", stack.name, "--non-interactive"]
    with subprocess.Popen(
        command,
        cwd=stack.folder,
        env={**stack.variables, "HOLD": str(hold)},
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        try:
            deadline = time.monotonic() + 120
            while not Path(f"{hold}.started").exists():
                assert first.poll() is None, first.stdout.read()
                assert time.monotonic() < deadline, "the first update did not start"
                time.sleep(0.1)
            second = fleet_up(stack)
        finally:
            hold.unlink()
        output = first.communicate()[0]
    assert first.returncode == 0, output
    assert second.returncode == 1
    sentence = (
        "the stack in-a-bucket is being changed by another run, which holds its lock; wait until it finishes"
    )
    assert sentence in second.stdout
    assert sentence in second.stderr

    again = fleet_up(stack)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "| `in-a-bucket` | ⚪ nothing to do | unchanged |" in again.stdout

    clean = stack.review("drift", "--stacks", stack.name)
    assert clean.returncode == 0, clean.stdout + clean.stderr
    assert "⚪ nothing to do" in clean.stdout
    stack.api().delete_namespaced_config_map("astro-agent-git", stack.namespace)
    drifted = stack.review("drift", "--stacks", stack.name)
    assert drifted.returncode == 0, drifted.stdout + drifted.stderr
    assert "🟢 safe in place" in drifted.stdout
    assert "ConfigMap `astro-agent-git` is created" in drifted.stdout

    state = object_of(address, f".pulumi/stacks/astro-dbt/{stack.name}.json")
    assert "astro-dbt:components:AgentRelease" in state
    for secret in (stack.config["agentToken"], stack.info.git.token, stack.info.registry.password):
        assert secret not in state


def fleet_up(stack):
    return stack.review("fleet", "up", "--stacks", stack.name, "--offline")
