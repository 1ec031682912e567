"""Taking over what exists, by the commands that a finding offers or that `from-values` prints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.engine import Stack
from tests.support.hand_made import HandMade, astro_project
from tests.support.kube_objects import kubectl, make

pytestmark = [pytest.mark.preflight, pytest.mark.engine]


def test_a_namespace_is_adopted_in_place(stack: Stack) -> None:
    make(stack.environment, "Namespace", stack.namespace)
    uid = kubectl(stack.environment, "get", "namespace", stack.namespace, "--output=jsonpath={.metadata.uid}")
    done = stack.preview()
    assert done.returncode != 0
    printed = " ".join((done.stdout + done.stderr).split())
    offered = re.search(
        r"`(python -m adoption import-file namespace \S+) > adopt\.json && (pulumi import [^`]+)`", printed
    )
    assert offered, printed

    label = f"astro-dbt/stack=astro-dbt.{stack.name}"
    kubectl(stack.environment, "label", "namespace", stack.namespace, label)
    written = stack.run(_python(stack), *offered[1].split()[1:])
    assert written.stderr == ""
    (stack.folder / "adopt.json").write_text(written.stdout)
    adopted = stack.pulumi(*offered[2].split()[1:], "--yes")
    assert adopted.returncode == 0, adopted.stdout + adopted.stderr
    stack.up()
    again = kubectl(
        stack.environment, "get", "namespace", stack.namespace, "--output=jsonpath={.metadata.uid}"
    )
    assert again == uid, "adopted, not created again"


def _python(stack: Stack) -> str:
    return str(stack.folder / ".venv/bin/python")


def config_of(stack: Stack) -> dict[str, Any]:
    """The stack file's content."""
    content: dict[str, Any] = yaml.safe_load(file_of(stack).read_text())
    return content


def file_of(stack: Stack) -> Path:
    """The stack file."""
    return stack.folder / "stacks" / f"Pulumi.{stack.name}.yaml"


def run(stack: Stack, step: str) -> str:
    """Run a printed command as a person would, without the questions."""
    command = step.replace("python -m", f"{_python(stack)} -m")
    for verb, answers in {"import": "--yes", "up": "--yes --skip-preview", "preview": ""}.items():
        command = command.replace(f"pulumi {verb}", f"pulumi {verb} {answers} --non-interactive")
    done = stack.run("bash", "-c", f"set -o pipefail; {command}")
    assert done.returncode == 0, step + done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(("version", "where"), [("2.3.3", "default"), ("1.0.2", None)])
def test_taken_over_without_a_restart(stack: Stack, version: str, where: str | None) -> None:
    """Chart 1.x with a namespace that the chart created; chart 2.x as the vendor's page installs it, without --namespace."""
    made = HandMade(stack.environment, stack.folder, stack.namespace, version, where=where)
    made.uninstall()
    made.install()
    before = made.pods()
    printed = stack.run(
        _python(stack), "-m", "adoption", "from-values", "--release", f"{made.where}/astro-agent",
        "--context", stack.info.context, "--stack", stack.name, "--chart-repository", stack.info.chart_repository,
        "--astro-project", str(astro_project(stack.folder / "astro-project", stack.info.git.url)),
    )  # fmt: skip
    assert printed.returncode == 0, printed.stdout + printed.stderr
    assert "Nothing changes for the agents" in printed.stdout
    assert stack.info.git.token not in printed.stdout + file_of(stack).read_text()
    content = config_of(stack)
    content["config"]["astro-dbt:preflight"] = {
        "checks": {"git": {"level": "off", "reason": "the trial's authority is not this machine's"}}
    }
    file_of(stack).write_text(yaml.safe_dump(content, sort_keys=False))

    steps = [line.strip() for line in printed.stdout.partition("Then:")[2].splitlines() if line.strip()]
    assert steps[0] == f"pulumi stack init {stack.name}"
    shown = {step.split()[1]: run(stack, step) for step in steps[1:]}
    preview = " ".join(shown["preview"].split())
    assert "nothing to do for its Pods, none restarts" in preview
    assert "agent.withheld.commonEnv.GIT_TERMINAL_PROMPT: Git fails at once" in preview
    assert made.pods() == before
    assert made.history() == [1, 2], "its history continues"
    assert stack.up_as_written().changes == {}

    agent = content["config"]["astro-dbt:agent"]
    del agent["withheld"]["commonEnv.GIT_TERMINAL_PROMPT"]
    if version.startswith("1"):
        del agent["withheld"]["createNamespace"], agent["values"]["createNamespace"]
    file_of(stack).write_text(yaml.safe_dump(content, sort_keys=False))
    done = stack.pulumi("preview")
    text = " ".join((done.stdout + done.stderr).split())
    assert "so Pods restart once; they differ in commonEnv.GIT_TERMINAL_PROMPT" in text
    assert ("Helm would delete it with everything in it" in text) is version.startswith("1")
    assert (done.returncode != 0) is version.startswith("1")
