"""Runs of the engine that are killed while Helm works."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Collection
from typing import IO

from clients.helm.history import PENDING
from drills.victims import processes_of, signal_all
from tests.support.engine import Stack


def launched(
    stack: Stack,
    command: str,
    *options: str,
    engine: tuple[str, ...] = ("pulumi",),
    output: IO[bytes] | int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """A command of Pulumi that changes the stack, in a separate session; ``engine`` is what runs it."""
    return subprocess.Popen(
        [*engine, command, "--yes", "--skip-preview", "--non-interactive", "--stack", stack.name, *options],
        cwd=stack.folder,
        env=stack.variables,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def started(
    stack: Stack,
    *options: str,
    command: str = "up",
    states: Collection[str] = PENDING,
    engine: tuple[str, ...] = ("pulumi",),
    output: IO[bytes] | int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """A `pulumi up`, or another ``command``, as `launched` makes it, whose release is in one of the states.

    Raises AssertionError: it ended before, or Helm did not get to work within two minutes.
    """
    program = launched(stack, command, *options, engine=engine, output=output)
    api, deadline = stack.api(), time.monotonic() + 120
    label = f"owner=helm, status in ({', '.join(sorted(states))})"
    while time.monotonic() < deadline:
        if api.list_namespaced_secret(stack.namespace, label_selector=label).items:
            return program
        assert program.poll() is None, "the run ended before Helm was at work"
        time.sleep(0.01)
    raise AssertionError("Helm never got to work")


def kill(
    stack: Stack,
    who: str = "everything",
    *options: str,
    engine: tuple[str, ...] = ("pulumi",),
    output: IO[bytes] | int = subprocess.DEVNULL,
) -> None:
    """Start `pulumi up`, and kill the engine, the Kubernetes plugin or everything while the release is pending."""
    program = started(stack, *options, engine=engine, output=output)
    signal_all(processes_of(program.pid, who), signal.SIGKILL)
    program.wait(60)
