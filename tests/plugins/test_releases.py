"""Helm releases through the plugin and the engine: life, failures and interruptions."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.plugins.scratch import Scratch, signalled

pytestmark = pytest.mark.engine

PROGRAM = """
    provider = k8s.Provider("p", kubeconfig=trial["kubeconfig"], enable_secret_mutable=True)
    options = pulumi.ResourceOptions(provider=provider)
    space = k8s.core.v1.Namespace("space", metadata={{"name": pulumi.get_project()}}, opts=options)
    secret = k8s.core.v1.Secret(
        "secret", metadata={{"name": config.get("secret") or "s", "namespace": space.metadata.name}}, opts=options
    )
    release = k8s.helm.v3.Release(
        "release",
        name=config.get("name") or "one",
        chart="{chart}",
        namespace=space.metadata.name,
        atomic=config.get_bool("atomic"),
        timeout=int(config.get("timeout") or 30),
        values={{
            "replicas": int(config.get("replicas") or 1),
            "cpu": config.get("cpu") or "1m",
            "token": pulumi.Output.secret("canary-value"),
            "nested": {{"a.b/c": config.get("nested") or "x", "id": secret.id}},
        }},
        opts=options,
    )
    pulumi.export("status", release.status.status)
    pulumi.export("revision", release.status.revision)
    pulumi.export("names", release.resource_names)
    """
TOO_MUCH = "5000"
"""More CPUs than the node has: the Deployment never becomes available."""


@pytest.fixture
def released(scratch: Scratch, chart: Path) -> Scratch:
    """A program with a deployed release."""
    scratch.program(PROGRAM.format(chart=chart))
    scratch.up()
    return scratch


def test_release_life(released: Scratch) -> None:
    scratch = released
    outputs = scratch.outputs()
    assert (outputs["status"], outputs["revision"]) == ("deployed", 1)
    assert outputs["names"]["Deployment.apps/apps/v1"] == ["one"]
    assert "canary" not in scratch.state()
    assert scratch.changes() == {}
    scratch.up()
    assert scratch.history(scratch.name, "one") == [(1, "deployed")], "an unchanged update made a revision"

    scratch.set(replicas=2, nested="y")
    assert scratch.changes() == {
        "update release": {"values.replicas": "update", 'values.nested["a.b/c"]': "update"}
    }
    assert "canary" not in scratch.up()
    assert scratch.history(scratch.name, "one") == [(1, "superseded"), (2, "deployed")]

    # A value that is known only after the update reads as removed in the preview, and the chart is not looked up.
    scratch.set(secret="other")
    assert scratch.changes()["update release"] == {"values.nested.id": "delete", "version": "update"}
    scratch.set(secret="s", name="two")
    assert scratch.changes()["replace release"]["name"] == "update-replace"
    scratch.up()
    assert scratch.history(scratch.name, "two") == [(1, "deployed")]
    assert scratch.history(scratch.name, "one") == []


def test_failed_upgrade(released: Scratch) -> None:
    scratch = released
    scratch.set(cpu=TOO_MUCH, timeout=4)
    printed = scratch.fail()
    assert "failed to initialize completely" in printed
    assert "canary" not in printed
    assert '"initErrors"' in scratch.state()
    assert scratch.history(scratch.name, "one")[-1] == (2, "failed")
    scratch.set(cpu="1m", timeout=30)
    scratch.up()
    assert '"initErrors"' not in scratch.state()

    scratch.set(cpu=TOO_MUCH, timeout=4, atomic="true")
    assert "has been rolled back due to atomic being set" in scratch.fail()
    assert [status for _, status in scratch.history(scratch.name, "one")][-2:] == ["failed", "deployed"]


def test_failed_install_and_taken_name(scratch: Scratch, chart: Path) -> None:
    scratch.program(PROGRAM.format(chart=chart))
    scratch.set(cpu=TOO_MUCH, timeout=4, atomic="true")
    assert "has been uninstalled due to atomic being set" in scratch.fail()
    assert scratch.history(scratch.name, "one") == []

    scratch.set(cpu="1m", timeout=30)
    scratch.up()
    scratch.require(
        "state", "delete", "--yes", f"urn:pulumi:dev::{scratch.name}::kubernetes:helm.sh/v3:Release::release"
    )
    assert "cannot re-use a name that is still in use" in scratch.fail()


def wait_for(scratch: Scratch, status: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = scratch.history(scratch.name, "one")
        if found and found[-1][1] == status:
            return
        time.sleep(0.2)
    raise AssertionError(f"the release never was {status}: {scratch.history(scratch.name, 'one')}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupted", "terminated"])
def test_asked_to_stop(released: Scratch, number: signal.Signals) -> None:
    scratch = released
    scratch.set(cpu=TOO_MUCH, timeout=120)
    running = scratch.start()
    wait_for(scratch, "pending-upgrade")
    assert signalled(running, number) < 10
    assert scratch.history(scratch.name, "one")[-1][1] == "failed"
    scratch.set(cpu="1m", timeout=30)
    scratch.up()
    assert scratch.history(scratch.name, "one")[-1][1] == "deployed"


def test_killed(released: Scratch) -> None:
    scratch = released
    scratch.set(cpu=TOO_MUCH, timeout=120)
    running = scratch.start()
    wait_for(scratch, "pending-upgrade")
    signalled(running, signal.SIGKILL)
    assert "the stack is currently locked" in scratch.fail()
    scratch.require("cancel", "--yes")
    scratch.set(cpu="1m")
    assert "another operation (install/upgrade/rollback) is in progress" in scratch.fail()
    assert scratch.history(scratch.name, "one")[-1][1] == "pending-upgrade"


def test_chart_that_is_not_there(scratch: Scratch) -> None:
    scratch.program(
        """
        provider = k8s.Provider("p", kubeconfig=trial["kubeconfig"])
        k8s.helm.v3.Release(
            "r", name="r", namespace="default", chart="no-such-chart",
            repository_opts={"repo": trial["chart_repository"]}, opts=pulumi.ResourceOptions(provider=provider),
        )
        """
    )
    done = scratch.pulumi("preview")
    assert done.returncode != 0
    assert 'chart "no-such-chart" not found in' in done.stdout
    assert "check the chart name and repository configuration" in done.stdout
