"""A run that is killed: the next one converges without hand surgery."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import time

import pytest

from clients import processes
from clients.helm import lease
from clients.kubernetes import connect
from drills.victims import processes_of, signal_all
from tests.support.helm import Helm
from tests.support.kills import kill, launched, started
from tests.support.processes import running
from trial.processes import start_time

pytestmark = pytest.mark.engine
LOST = "which the stack's state has and the cluster does not"


def slow(stack):
    """A configuration under which the release waits: its claim does not exist, and no node is large enough."""
    config = copy.deepcopy(stack.config)
    config["agent"]["timeout"] = 30
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


def namespace_first(stack, *configs):
    """The namespace is there first, so that the watch for Helm's record does not race with its creation."""
    stack.api().create_namespace({"metadata": {"name": stack.namespace}})
    for config in configs:
        config["agent"]["createNamespace"] = False


def terminating(stack):
    """Whether the namespace is being deleted."""
    found = stack.kubectl(
        "get", "namespaces", f"--field-selector=metadata.name={stack.namespace}", "-o", "json"
    )
    return any("deletionTimestamp" in item["metadata"] for item in json.loads(found)["items"])


@pytest.mark.parametrize("before", ["nothing", "a running release"])
@pytest.mark.parametrize("who", ["everything", "plugin", "engine"])
def test_killed_at_the_release(stack, before, who):
    good, bad = copy.deepcopy(stack.config), slow(stack)
    if before == "nothing":
        namespace_first(stack, good, bad)
    else:
        stack.up()
    stack.write(bad)
    kill(stack, who)
    assert stack.helm("list", "--all")[0]["status"].startswith("pending")

    stack.pulumi("cancel", "--yes")
    done = stack.up(good)
    assert done.outputs["release"]["status"] == "deployed"
    if who == "engine":
        assert "of an interrupted run may still be running; waiting for it" in done.stdout
        assert "removed the record" not in done.stdout, "a live Helm's record is its own"
    else:
        assert "removed the record of revision" in done.stdout
        assert "waiting for it" not in done.stdout
    for name, deployment in stack.deployments().items():
        assert deployment.status.available_replicas == 1, name
    taken_back(stack)
    assert stack.up().changes == {}


def test_a_first_install_that_helm_finished_alone_is_taken_over(stack):
    """The engine dies, Helm continues and installs: the release runs, and Pulumi's state does not contain it."""
    namespace_first(stack, stack.config)
    stack.write()
    kill(stack, "engine")
    deadline = time.monotonic() + 60
    while stack.helm("list", "--all")[0]["status"] != "deployed":
        assert time.monotonic() < deadline, "Helm did not finish"
        time.sleep(0.2)
    before = {name: item.metadata.uid for name, item in stack.deployments().items()}
    stack.pulumi("cancel", "--yes")
    done = stack.up()
    assert "the install adopts its objects" in done.stdout
    assert {name: item.metadata.uid for name, item in stack.deployments().items()} == before
    assert stack.up().changes == {}


def test_a_first_install_that_failed_outside_of_the_state_is_healed(stack, tmp_path):
    good, bad = copy.deepcopy(stack.config), slow(stack)
    namespace_first(stack, good, bad)
    stack.write(bad)
    kill(stack)
    Helm(stack.environment, stack.namespace, tmp_path).break_off("failed")
    stack.pulumi("cancel", "--yes")
    done = stack.up(good)
    assert "(failed), which an interrupted run left behind" in done.stdout
    taken_back(stack)
    assert stack.up().changes == {}


@pytest.mark.parametrize("who", ["everything", "engine"])
def test_a_killed_destroy_is_reported(stack, who):
    """Pulumi's state still has the release, and without a refresh the engine sees nothing to do."""
    stack.write()
    assert LOST not in stack.pulumi("preview", "--color", "never").stdout, "nothing was ever installed"
    stack.up()
    program = started(stack, command="destroy", states=("uninstalling",))
    signal_all(processes_of(program.pid, who), signal.SIGKILL)
    program.wait(60)
    stack.pulumi("cancel", "--yes")
    if who == "everything":
        refused = stack.pulumi("up", "--yes", "--skip-preview", "--color", "never")
        assert refused.returncode
        finish = f"helm uninstall astro-agent --namespace {stack.namespace}"
        assert f"`{finish}`, and install it again with `pulumi up --refresh`" in refused.stdout
        assert stack.run(*finish.split()).returncode == 0
    deadline = time.monotonic() + 60
    while stack.helm("list", "--all"):
        assert time.monotonic() < deadline, "Helm did not finish"
        time.sleep(0.2)

    changed = copy.deepcopy(stack.config)
    changed["agent"]["env"] = {"CHANGED": "1"}
    for config in (stack.config, changed):
        stack.write(config)
        seen = stack.pulumi("preview", "--color", "never")
        assert seen.returncode == 0
        assert f"warning: astro-dbt:agent.release is astro-agent, {LOST}" in seen.stdout
        failed = stack.pulumi("up", "--yes", "--skip-preview", "--color", "never")
        assert failed.returncode
        assert f"agent.release is astro-agent, {LOST}" in failed.stdout
        assert "create it again with `pulumi up --refresh`" in failed.stdout
        assert "Traceback" not in failed.stdout + failed.stderr
        assert stack.helm("list", "--all") == []

    again = stack.pulumi("up", "--yes", "--skip-preview", "--refresh", "--color", "never")
    assert again.returncode == 0
    assert LOST not in again.stdout
    assert stack.helm("list")[0]["status"] == "deployed"
    assert len(stack.deployments()) > 3
    done = stack.up()
    assert done.changes == {}
    assert LOST not in done.stdout


def test_a_destroy_that_is_killed_at_the_namespace_is_reported(stack):
    stack.up()
    program = launched(stack, "destroy")
    while not terminating(stack):
        assert program.poll() is None
    signal_all(processes_of(program.pid, "everything"), signal.SIGKILL)
    program.wait(60)
    stack.pulumi("cancel", "--yes")
    deadline = time.monotonic() + 60
    while terminating(stack):
        assert time.monotonic() < deadline, "the namespace is not removed"
        time.sleep(0.2)

    told = f"astro-dbt:agent.namespace is {stack.namespace}, {LOST}"
    assert f"warning: {told}" in stack.pulumi("preview", "--color", "never").stdout
    failed = stack.pulumi("up", "--yes", "--skip-preview", "--color", "never")
    assert failed.returncode
    assert f"error: {told}" in failed.stdout
    assert "Traceback" not in failed.stdout + failed.stderr
    assert "keep-cache" not in failed.stdout, "an image was built for nothing"

    again = stack.pulumi("up", "--yes", "--skip-preview", "--refresh", "--color", "never")
    assert again.returncode == 0, again.stdout
    assert stack.helm("list")[0]["status"] == "deployed"
    assert stack.up().changes == {}


def test_interrupted_leaves_no_lock(stack):
    """Ctrl-C goes to the engine alone here; it lets Helm end and releases the stack."""
    stack.up()
    good = copy.deepcopy(stack.config)
    stack.write(slow(stack))
    program = started(stack, output=subprocess.PIPE)
    for _ in range(2):
        os.kill(program.pid, signal.SIGINT)
        time.sleep(1)
    output, _ = program.communicate(timeout=120)
    assert b"Traceback" not in output
    done = stack.up(good)
    assert done.outputs["release"]["status"] == "deployed"
    assert stack.helm("list")[0]["status"] == "deployed"
    taken_back(stack)
    assert stack.up().changes == {}


def test_a_run_without_changes_removes_the_lease_of_one_that_has_ended(stack):
    """An engine that is asked to end right after Helm has records the release, and runs no hook that gives the Lease back."""
    stack.up()
    cluster = connect(stack.info.kubeconfig, stack.info.context, timeout=30)
    place = {"namespace": stack.namespace, "release": "astro-agent"}
    with running(["sleep", "600"]) as other:
        began = start_time(other.pid)
        assert began
        holder = lease.Holder(processes.machine(), (processes.Process(other.pid, began),), 60)
        lease.take(cluster, **place, holder=holder)
        assert stack.up().changes == {}
        assert lease.holder_of(cluster, **place) == holder, "its Helm may be at work"
    assert stack.preview().returncode == 0
    assert lease.holder_of(cluster, **place) == holder, "a preview changes nothing"
    assert stack.up().changes == {}
    assert lease.holder_of(cluster, **place) is None
    assert stack.history() == [1]
