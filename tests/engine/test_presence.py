"""What somebody removed from the cluster, and Pulumi's state still has."""

from __future__ import annotations

import copy
import json

import pytest

from drills.inventory import of_state
from tests.engine.test_kill import LOST

pytestmark = pytest.mark.engine

WORKER, TRIGGERER = "astro-agent-worker-default-worker", "astro-agent-triggerer"


def of_the_stack(stack):
    """Secrets and ConfigMaps in the state: kind and name."""
    return sorted((kind, name) for kind, name in of_state(stack) if kind in {"Secret", "ConfigMap"})


def tried(stack, *arguments):
    return stack.pulumi("up", "--yes", "--skip-preview", "--color", "never", *arguments)


def test_removed_secrets_and_files_stop_the_run_until_a_refresh(stack):
    stack.up()
    objects = of_the_stack(stack)
    assert {kind for kind, _ in objects} == {"Secret", "ConfigMap"}
    for kind, name in objects:
        stack.kubectl("delete", kind, name)

    told = f"astro-dbt:agent.namespace is {stack.namespace}, without its "
    seen = stack.pulumi("preview", "--color", "never")
    assert seen.returncode == 0
    for kind, name in objects:
        assert f"warning: {told}{kind} {name}, {LOST}, because it was removed" in seen.stdout
    # With a release to change as well: its Pods would wait for the Secrets until Helm gives up.
    changed = copy.deepcopy(stack.config)
    changed["agent"]["env"] = {"CHANGED": "1"}
    for wanted in (stack.config, changed):
        stack.write(wanted)
        failed = tried(stack)
        assert failed.returncode
        names = " and ".join(f"{kind} {name}" for kind, name in objects)
        assert f"error: {told}{names}, {LOST}, because they were removed" in failed.stdout
        assert "create them again with `pulumi up --refresh`" in failed.stdout
        assert "Traceback" not in failed.stdout + failed.stderr
        assert "hook" not in failed.stdout, "the release has waited"
        assert stack.history() == [1]

    again = tried(stack, "--refresh")
    assert again.returncode == 0, again.stdout + again.stderr
    assert LOST not in again.stdout
    assert of_the_stack(stack) == objects
    assert {name for _, name in objects} <= {
        item["metadata"]["name"]
        for item in json.loads(stack.kubectl("get", "secrets,configmaps", "--output=json"))["items"]
    }
    done = stack.up()
    assert done.changes == {}
    assert LOST not in done.stdout


def test_a_removed_deployment_comes_back_with_the_next_run(stack):
    stack.up()
    before = set(stack.deployments())
    stack.kubectl("delete", "deployment", WORKER, TRIGGERER)
    note = f"Repairs revision 1, which lacks Deployment {TRIGGERER} and {WORKER}"
    assert note in stack.preview(arguments=("--color", "never")).stdout
    stack.up()
    assert set(stack.deployments()) == before
    assert stack.history() == [1, 2]
    assert stack.up().changes == {}
    stack.kubectl("delete", "deployment", WORKER)
    stack.up()
    assert set(stack.deployments()) == before
    assert stack.history() == [1, 2, 3]
