"""requirements.txt says which versions of Pulumi and its plugins are meant; what cannot read it agrees with it."""

from __future__ import annotations

import re

import yaml

from tests.support.stacks import ROOT
from trial.gobuild import KUBERNETES_PLUGIN_VERSION, PULUMI_VERSION
from trial.language_host.server import VERSION
from trial.pulumi_cli import PLUGINS


def pins(name: str) -> dict[str, str]:
    """Package -> version of every exact pin in a file of requirements."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([A-Za-z0-9_-]+)==(\S+)$", text, re.MULTILINE))


def test_the_trial_builds_and_serves_the_versions_of_the_program() -> None:
    wanted = pins("requirements.txt")
    assert {PULUMI_VERSION, VERSION} == {wanted["pulumi"]}
    assert wanted["pulumi-kubernetes"] == KUBERNETES_PLUGIN_VERSION
    assert PLUGINS["docker"] == wanted["pulumi-docker"]


def test_the_policy_pack_and_the_workflows_take_the_same_pulumi() -> None:
    wanted = pins("requirements.txt")["pulumi"]
    assert pins("policy/requirements.txt")["pulumi"] == wanted
    action = yaml.safe_load((ROOT / ".github/actions/prepare/action.yml").read_text(encoding="utf-8"))
    (version,) = [
        step["with"]["pulumi-version"] for step in action["runs"]["steps"] if "pulumi" in step.get("uses", "")
    ]
    assert version == wanted


def test_every_requirement_is_pinned() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "policy/requirements.txt"):
        lines = (ROOT / name).read_text(encoding="utf-8").split("\n")
        assert not [line for line in lines if line and not line.startswith("-r ") and "==" not in line]
