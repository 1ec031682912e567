"""Drift on the real cluster: what was edited by hand is reported by name, and put back."""

from __future__ import annotations

import base64
import copy
import json
import re

import pytest

pytestmark = pytest.mark.engine

SECRET = "astro-agent-agent-token"
KEY = "token"
BY_HAND = "canary-written-by-hand"


@pytest.mark.parametrize("editor", ["kubectl-edit", "some-dashboard"])
def test_a_secret_edited_by_hand_is_reported_by_name_and_put_back(stack_in, tmp_path, editor):
    stack = stack_in(tmp_path / "program", f"drift-{editor}")
    stack.up()
    # From its first update on, a Secret's fields belong to Pulumi alone: an edit is a conflict then.
    config = {**copy.deepcopy(stack.config), "agentToken": "canary-second-agent-token"}
    assert stack.up(config).changes["update"] == 2
    revisions = stack.history()
    clean = stack.review("drift", "--stacks", stack.name)
    assert (clean.returncode, "⚪ nothing to do" in clean.stdout) == (0, True), clean.stdout

    edit(stack, editor)
    stack.kubectl(
        "set", "image", "deployment/astro-agent-triggerer", "triggerer=registry.example.test/by-hand:1"
    )
    stack.kubectl("scale", "deployment/astro-agent-worker-default-worker", "--replicas=2")
    stack.kubectl("set", "env", "deployment/astro-agent-dag-processor", "API_TOKEN=canary-by-hand")
    drifted = stack.review("drift", "--stacks", stack.name)
    assert drifted.returncode == 0, drifted.stdout + drifted.stderr
    assert f"Secret `{SECRET}` changes in place (`{KEY}`)" in drifted.stdout
    assert "conflict" not in drifted.stdout
    edited = drifted.stdout.partition("# Edited outside this stack")[2].partition("\n####")[0]
    assert (
        "Deployment `astro-agent-triggerer`:\n  - `containers.triggerer.image` is `registry.example.test/by-hand:1`"
        in edited
    )
    # Kubernetes does not write down when a Deployment was scaled.
    assert re.search(r"`spec.replicas` is `2`; the release has `1` \(by `kubectl[\w-]*`", edited)
    assert re.search(r"triggerer.image.*\(by `kubectl[\w-]*` at \d{4}-", edited)
    assert "`containers.dag-processor.env.API_TOKEN` was added" in edited
    assert "canary-by-hand" not in drifted.stdout
    assert edited.count("\n- ") == 3, "nothing else differs from what the release rendered"
    for value in (BY_HAND, config["agentToken"]):
        for spelling in (value, base64.b64encode(value.encode()).decode()):
            assert spelling not in drifted.stdout + drifted.stderr
    assert content(stack) == BY_HAND
    assert stack.history() == revisions

    # The remedy that the documentation names.
    done = stack.pulumi("up", "--refresh", "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout
    assert content(stack) == config["agentToken"]
    rendered = stack.run("helm", "get", "manifest", "astro-agent", "--namespace", stack.namespace).stdout
    (stack.folder / "rendered.yaml").write_text(rendered)
    left = stack.review("drift", "--stacks", stack.name)
    assert "🟡 edited outside this stack" in left.stdout, "the release itself is as Pulumi remembers it"
    stack.kubectl(
        "apply", "--server-side", "--force-conflicts", "--filename", str(stack.folder / "rendered.yaml")
    )
    stack.kubectl("set", "env", "deployment/astro-agent-dag-processor", "API_TOKEN-")
    after = stack.review("drift", "--stacks", stack.name)
    assert (after.returncode, "⚪ nothing to do" in after.stdout) == (0, True), after.stdout


def test_a_secret_edited_by_hand_does_not_stop_its_rotation(stack_in, tmp_path):
    stack = stack_in(tmp_path / "program", "rotation-after-edit")
    stack.up()
    edit(stack, "some-dashboard")
    for token in ("canary-second-agent-token", "canary-third-agent-token"):
        stack.up({**copy.deepcopy(stack.config), "agentToken": token})
        assert content(stack) == token
        edit(stack, "some-dashboard")


def edit(stack, editor):
    """Write another token into the Secret, as this editor does."""
    patch = {"data": {KEY: base64.b64encode(BY_HAND.encode()).decode()}}
    stack.kubectl("patch", "secret", SECRET, "--field-manager", editor, "--patch", json.dumps(patch))


def content(stack):
    return base64.b64decode(
        stack.kubectl("get", "secret", SECRET, "-o", f"jsonpath={{.data.{KEY}}}")
    ).decode()
