"""A run that is killed: the next one converges without hand surgery."""

from __future__ import annotations

import contextlib
import copy
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.engine


def wait_for_pending(stack, program, seconds=120):
    """Wait until Helm's newest record is pending; fails when the run ends before."""
    api, deadline = stack.api(), time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = api.list_namespaced_secret(stack.namespace, label_selector="owner=helm").items
        if any(item.metadata.labels["status"].startswith("pending") for item in found):
            return
        assert program.poll() is None, "the run ended before Helm was at work"
        time.sleep(0.01)
    raise AssertionError("Helm never got to work")


def kill_while_helm_works(stack, how):
    """Start `pulumi up`, kill it (and everything it started) while the release is pending."""
    program = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", stack.name],
        cwd=stack.folder,
        env=stack.variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for_pending(stack, program)
    # Plugins have process groups of their own; what kills a CI job or a machine takes the whole session.
    for process in session_of(program.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, how)
    program.wait(60)


def session_of(leader):
    """Processes of a session, the leader first."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if os.getsid(int(folder.name)) == leader:
                found.append(int(folder.name))
    return sorted(found)


def slow(stack):
    """A configuration under which the release waits: its claim does not exist, and no node is large enough."""
    config = copy.deepcopy(stack.config)
    config["agent"]["timeout"] = 60
    config["agent"]["workers"][0]["values"] = {
        "volumes": [{"name": "only-killed", "persistentVolumeClaim": {"claimName": "none"}}]
    }
    config["agent"]["workers"].append(
        {"name": "killed-queue", "queues": ["killed"], "terminationGracePeriodSeconds": 5}
    )
    config["preflight"]["checks"]["cluster"] = {"level": "off", "reason": "the claim is missing on purpose"}
    config["agent"]["workers"][0]["resources"] = {"requests": {"cpu": "1000"}, "limits": {"cpu": "1000"}}
    return config


def taken_back(stack):
    """Nothing is left of what only the killed configuration had."""
    deployments = stack.deployments()
    assert not [name for name in deployments if "killed" in name]
    worker = deployments["astro-agent-worker-default-worker"].spec.template.spec
    assert "only-killed" not in [volume.name for volume in worker.volumes or []]
    assert worker.containers[0].resources.requests["cpu"] == "1"


@pytest.mark.parametrize("before", ["nothing", "a running release"])
def test_killed_at_the_release(stack, before):
    good = copy.deepcopy(stack.config)
    if before == "nothing":
        stack.write(slow(stack))
        # The namespace is there first, so that the look for Helm's record does not race with its creation.
        stack.api().create_namespace({"metadata": {"name": stack.namespace}})
        stack.config["agent"]["createNamespace"] = good["agent"]["createNamespace"] = False
        stack.write()
    else:
        stack.up()
        stack.write(slow(stack))
    kill_while_helm_works(stack, signal.SIGKILL)
    assert stack.helm("list", "--all")[0]["status"].startswith("pending")

    cancelled = stack.pulumi("cancel", "--yes")
    assert cancelled.returncode == 0, cancelled.stderr
    done = stack.up(good)
    assert done.outputs["release"].value["status"] == "deployed"
    assert "removed the record of revision" in done.stdout
    for name, deployment in stack.deployments().items():
        assert deployment.status.available_replicas == 1, name
    taken_back(stack)
    assert stack.changes(stack.up()) == {}


def test_interrupted_leaves_no_lock(stack):
    """Ctrl-C goes to the engine alone here; it lets Helm end and releases the stack."""
    stack.up()
    good = copy.deepcopy(stack.config)
    stack.write(slow(stack))
    program = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", stack.name],
        cwd=stack.folder,
        env=stack.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    wait_for_pending(stack, program)
    for _ in range(2):
        os.kill(program.pid, signal.SIGINT)
        time.sleep(1)
    output, _ = program.communicate(timeout=120)
    assert "Traceback" not in output
    done = stack.up(good)
    assert done.outputs["release"].value["status"] == "deployed"
    assert stack.helm("list")[0]["status"] == "deployed"
    taken_back(stack)
    assert stack.changes(stack.up()) == {}
