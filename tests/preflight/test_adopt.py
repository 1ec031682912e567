"""Taking over what exists, by the commands that a finding offers."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.engine import Stack
from tests.support.kube_objects import kubectl, make

pytestmark = [pytest.mark.preflight, pytest.mark.engine]


def test_a_namespace_is_adopted_in_place(stack: Stack) -> None:
    make(stack.environment, "Namespace", stack.namespace)
    uid = kubectl(stack.environment, "get", "namespace", stack.namespace, "--output=jsonpath={.metadata.uid}")
    done = stack.preview()
    assert done.returncode != 0
    said = " ".join((done.stdout + done.stderr).split())
    offered = re.search(
        r"`(python -m preflight\.adopt namespace \S+) > adopt\.json && (pulumi import [^`]+)`", said
    )
    assert offered, said

    label = f"astro-dbt/stack=astro-dbt.{stack.name}"
    kubectl(stack.environment, "label", "namespace", stack.namespace, label)
    python = str(stack.folder / ".venv/bin/python")
    written = stack.run(python, *offered[1].split()[1:])
    (stack.folder / "adopt.json").write_text(written.stdout)
    adopted = stack.pulumi(*offered[2].split()[1:], "--yes")
    assert adopted.returncode == 0, adopted.stdout + adopted.stderr
    stack.up()
    again = kubectl(
        stack.environment, "get", "namespace", stack.namespace, "--output=jsonpath={.metadata.uid}"
    )
    assert again == uid, "adopted, not made anew"


def test_a_release_is_adopted_in_place(stack: Stack) -> None:
    """The release of a stack that lost it from its state."""
    stack.up()
    before = stack.history()
    resources = json.loads(stack.state())["deployment"]["resources"]
    release = next(item["urn"] for item in resources if item["type"] == "kubernetes:helm.sh/v3:Release")
    assert stack.pulumi("state", "delete", release, "--yes").returncode == 0
    identity = f"{stack.namespace}/astro-agent"
    python = str(stack.folder / ".venv/bin/python")
    written = stack.run(python, "-m", "preflight.adopt", "release", identity)
    (stack.folder / "adopt.json").write_text(written.stdout)
    adopted = stack.pulumi("import", "--file", "adopt.json", "--generate-code=false", "--yes")
    assert adopted.returncode == 0, adopted.stdout + adopted.stderr
    stack.up()
    assert stack.history()[: len(before)] == before, "its history goes on"
