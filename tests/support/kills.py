"""Runs of the engine that are killed while Helm works."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import IO

from drills.victims import processes_of, signal_all
from tests.support.engine import Stack

PENDING = ("pending-install", "pending-upgrade", "pending-rollback")
"""States of a Helm that changes the release, or was killed."""


def started(
    stack: Stack,
    *options: str,
    command: str = "up",
    states: tuple[str, ...] = PENDING,
    engine: tuple[str, ...] = ("pulumi",),
    output: IO[bytes] | int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """A `pulumi up`, or another ``command``, in a separate session, whose release is in one of the states.

    ``engine`` is the command that runs it.

    Raises AssertionError: it ended before, or Helm did not get to work within two minutes.
    """
    program = subprocess.Popen(
        [*engine, command, "--yes", "--skip-preview", "--non-interactive", "--stack", stack.name, *options],
        cwd=stack.folder,
        env=stack.variables,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    api, deadline = stack.api(), time.monotonic() + 120
    label = f"owner=helm, status in ({', '.join(states)})"
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
