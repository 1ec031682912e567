"""Updates of several stacks at once on the trial cluster."""

from __future__ import annotations

import copy
import re

import pytest

pytestmark = pytest.mark.engine

NAMES = ("fleet-a", "fleet-b", "fleet-c", "fleet-wrong")


def test_one_stack_that_fails_does_not_keep_the_others_from_being_provisioned(stack_in, tmp_path):
    stacks = {name: stack_in(tmp_path / "program", name) for name in NAMES}
    wrong = stacks["fleet-wrong"]
    for stack in stacks.values():
        config = copy.deepcopy(stack.config)
        if stack is wrong:
            config["dags"]["ref"] = "no-such-branch"
        stack.write(config)
    good = [stack for stack in stacks.values() if stack is not wrong]
    output = tmp_path / "reports" / "up.md"
    command = ("fleet", "up", "--stacks", "fleet-*", "--parallel", "2", "--output", str(output))

    first = wrong.review(*command)
    report = output.read_text(encoding="utf-8")
    assert first.returncode == 1, first.stderr + report
    assert "## 4 stacks, 1 of them with a problem" in report
    assert rows(report) == [
        ("fleet-wrong", "🔴 preview failed", "no"),
        *((stack.name, "🔵 installs the agents", "yes") for stack in good),
    ]
    assert "astro-dbt:dags.ref" in report
    assert {line.split(":")[0] for line in first.stderr.splitlines()} == set(NAMES)
    for stack in good:
        (release,) = stack.helm("list")
        assert (release["name"], release["status"], release["revision"]) == ("astro-agent", "deployed", "1")
        assert "astro-agent-worker-default-worker" in stack.deployments()
    assert wrong.namespace not in [item.metadata.name for item in wrong.api().list_namespace().items]
    for stack in stacks.values():
        for secret in (stack.config["agentToken"], stack.info.git.token, stack.info.registry.password):
            assert secret not in report + first.stderr

    before = {stack.name: stack.uids() for stack in good}
    second = wrong.review(*command)
    report = output.read_text(encoding="utf-8")
    assert second.returncode == 1, second.stderr + report
    assert rows(report) == [
        ("fleet-wrong", "🔴 preview failed", "no"),
        *((stack.name, "⚪ nothing to do", "unchanged") for stack in good),
    ]
    assert [stack.history() for stack in good] == [[1]] * len(good)
    assert {stack.name: stack.uids() for stack in good} == before

    config = copy.deepcopy(wrong.config)
    del config["dags"]["ref"]
    wrong.write(config)
    third = wrong.review(*command)
    report = output.read_text(encoding="utf-8")
    assert third.returncode == 0, third.stderr + report
    assert "## 4 stacks\n" in report
    assert rows(report) == [
        ("fleet-wrong", "🔵 installs the agents", "yes"),
        *((stack.name, "⚪ nothing to do", "unchanged") for stack in good),
    ]
    assert wrong.history() == [1]


def rows(report):
    """(stack, verdict, updated) of every row of the combined report, in its order."""
    table = report.partition("<details>")[0]
    return re.findall(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|", table, re.MULTILINE)
