"""State in an S3-compatible bucket, and two runs of one stack at once."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.engine import Stack, copy_program
from trial.environment import Environment

pytestmark = pytest.mark.engine

SERVER = "github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0"
BUCKET = "astro-dbt-state"
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


def server_program() -> Path:
    """The S3-compatible server, built from its pinned Go module once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "astro-dbt" / "s3"
    program = cache / f"gofakes3-{SERVER.rpartition('@')[2]}"
    if not program.exists():
        assert shutil.which("go"), "Go is needed to build the S3-compatible server; install it"
        variables = {**os.environ, "GOBIN": str(cache)}
        done = subprocess.run(
            ["go", "install", SERVER],
            env=variables,
            cwd=Path.home(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (cache / "gofakes3").rename(program)
    return program


@pytest.fixture
def bucket(tmp_path):
    """Address (host:port) of a server with one empty bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    arguments = ["-host", address, "-backend", "mem", "-initialbucket", BUCKET, "-quiet"]
    with subprocess.Popen([server_program(), *arguments], stderr=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"http://{address}/{BUCKET}").close()
                break
            except urllib.error.URLError:
                assert time.monotonic() < deadline, "the S3-compatible server did not start"
                time.sleep(0.1)
        yield address
        server.terminate()


class WithBucket(Environment):
    """The trial environment with the state elsewhere."""

    def __init__(self, environment, address):
        super().__init__(repo=environment.layout.repo, state=environment.layout.state)
        self.environment, self.address = environment, address

    def variables(self):
        return {
            **self.environment.variables(),
            "PULUMI_BACKEND_URL": f"s3://{BUCKET}?endpoint={self.address}&disableSSL=true&s3ForcePathStyle=true"
            "&region=us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


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
