"""The policy pack in previews of the real engine: rules that trip, and levels that differ per stack."""

from __future__ import annotations

import copy
import json
import shutil

import pytest

from policy.levels import levels_for
from policy.rules import RULES
from tests.support.stacks import ROOT

pytestmark = pytest.mark.engine

FAULTS = {
    "components/agent_namespace.py": ("enable_secret_mutable=True", "enable_secret_mutable=False"),
    "program/wiring.py": ("timeout_seconds=agent.helm_timeout", "timeout_seconds=5"),
    "components/agent_release.py": (
        "        return values\n",
        '        return values | {"logLevel": "https://u:canary-clear@example.com"}'
        ' | {"dagBundleConfigList": values["dagBundleConfigList"].replace("true", "false")}\n',
    ),
}
"""Mistakes in the program that settings cannot make: the rules are there for who changes it."""


CARELESS = '''
"""A separate program that breaks every rule of the pack."""

import json

import pulumi
import pulumi_docker as docker
import pulumi_kubernetes as kubernetes

config = pulumi.Config("astro-dbt")
inside = pulumi.ResourceOptions(provider=kubernetes.Provider("cluster"))
kubernetes.core.v1.Namespace("agents", metadata={"name": "careless"}, opts=inside)
kubernetes.core.v1.Secret(
    "token",
    metadata={"name": "careless-agent-token", "namespace": "careless"},
    string_data={"token": config.require_secret("agentToken")},
    opts=inside,
)
kubernetes.helm.v3.Release(
    "agent",
    chart="astro-remote-execution-agent",
    version=config.require_object("agent")["chart"]["version"],
    repository_opts={"repo": config.require("repository")},
    namespace="careless",
    timeout=60,
    values={
        "resourceNamePrefix": "careless",
        "namespace": "careless",
        "image": "registry.example.com/agent:latest",
        "commonEnv": [{"name": "WAREHOUSE_PASSWORD", "value": "canary-in-clear"}],
        "dagBundleConfigList": json.dumps([{"name": "dags", "kwargs": {"submodules": False}}]),
        "workers": [{"name": "default-worker", "queues": "default", "replicas": 0}],
    },
    opts=inside,
)
docker.Image(
    "client",
    image_name="registry.example.com/client:1",
    build=docker.DockerBuildArgs(context=".", args={"BASE_IMAGE": "registry.example.com/base:3.1"}),
    skip_push=True,
)
pulumi.export("delivery", "git-submodule")
'''


@pytest.fixture
def careless(stack_in, tmp_path):
    """A stack of another program, with its own resources: the settings of this project would refuse most of it."""
    folder = tmp_path / "careless"
    (folder / "stacks").mkdir(parents=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "__main__.py").write_text(CARELESS, encoding="utf-8")
    (folder / "Dockerfile").write_text("ARG BASE_IMAGE\nFROM $BASE_IMAGE\n", encoding="utf-8")
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    stack = stack_in(folder, "careless")
    stack.write(
        {
            "agentToken": "canary-agent-token",
            "agent": {"chart": {"version": ">=2.0.0"}},
            "repository": stack.info.chart_repository,
            "dbtProjects": [{"name": "jaffle", "path": "dags/dbt/jaffle"}],
        }
    )
    return stack


def test_every_rule_trips_in_a_preview_of_a_program_that_breaks_it(careless):
    done = careless.review(
        "report", "--stack", "careless", "--policy-pack", str(ROOT / "policy"), "--offline"
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert tripped(done.stdout, "🔴") == {rule.name for rule in RULES if rule.mandatory}
    assert tripped(done.stdout, "🟡") == {rule.name for rule in RULES if not rule.mandatory}
    assert "agent.chart.version of the stack is '&gt;=2.0.0', which is not exact" in done.stdout
    assert "is registry.example.com/agent:latest" in done.stdout
    for value in ("canary-in-clear", "canary-agent-token"):
        assert value not in done.stdout + done.stderr


def tripped(text, sign):
    return {
        line.split("`")[1]
        for line in text.splitlines()
        if line.startswith(f"- {sign} `") and ":" not in line.split("`")[1]
    }


def test_rules_stop_a_preview_with_their_reasons_and_levels_decide_which(stack_in, tmp_path):
    folder = tmp_path / "program"
    prod = stack_in(folder, "prod-policy")
    dev = stack_in(folder, "dev-policy")
    config = copy.deepcopy(prod.config)
    del config["image"]
    config["agent"]["image"] = prod.info.base_image
    config["agent"]["workers"] = [
        {
            "name": "default-worker",
            "terminationGracePeriodSeconds": 5,
            "resources": {"requests": {"cpu": "1"}},
        }
    ]
    pack = ("--policy-pack", str(ROOT / "policy"), "--offline")

    prod.write(config)
    done = prod.review("report", "--stack", prod.name, *pack)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "preview failed" in done.stdout
    assert tripped(done.stdout, "🔴") == {
        "images-by-digest",
        "protected",
        "resources-set",
        "workers-at-least",
    }
    assert "fewer than the 2 that prod-policy requires" in done.stdout

    dev.write(config)
    done = dev.review("report", "--stack", dev.name, *pack)
    assert done.returncode == 0, done.stdout + done.stderr
    assert tripped(done.stdout, "🔴") == set()
    assert tripped(done.stdout, "🟡") == {"resources-set"}

    done = dev.review("fleet", "preview", "--stacks", "*-policy", "--parallel", "2", *pack)
    assert done.returncode == 1
    assert "2 stacks, 1 of them with a problem" in done.stdout
    assert "| `dev-policy` | 🔵 installs the agents |" in done.stdout

    for name, (right, wrong) in FAULTS.items():
        file = folder / name
        text = file.read_text(encoding="utf-8")
        assert right in text, name
        file.write_text(text.replace(right, wrong), encoding="utf-8")
    done = dev.review("report", "--stack", dev.name, *pack)
    assert done.returncode == 1
    assert tripped(done.stdout, "🔴") == {
        "grace-below-timeout",
        "no-credential-in-clear",
        "no-secret-replaced",
        "submodules-match-projects",
    }
    assert "canary" not in done.stdout + done.stderr


def test_levels_name_only_rules_that_exist():
    names = {rule.name for rule in RULES}
    files = sorted((ROOT / "policy" / "levels").glob("*.json"))
    assert [file.stem for file in files] == ["default", "dev", "prod"]
    for file in files:
        assert set(json.loads(file.read_text(encoding="utf-8"))) <= names


def test_the_longest_name_of_a_file_of_levels_wins(tmp_path):
    levels = tmp_path / "levels"
    levels.mkdir()
    for name in ("prod", "prod-eu", "default"):
        (levels / f"{name}.json").write_text("{}")
    assert [levels_for(tmp_path, name).stem for name in ("prod-eu-1", "prod-us", "production", "dev")] == [
        "prod-eu",
        "prod",
        "default",
        "default",
    ]
    (levels / "default.json").unlink()
    assert levels_for(tmp_path, "dev") is None
