"""Requirements are pinned once, in requirements.in and its siblings; locks and everything else agree with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.support.stacks import ROOT
from trial.gobuild import KUBERNETES_PLUGIN_VERSION
from trial.pulumi_cli import PLUGINS

INPUTS = ("requirements.in", "requirements-dev.in", "policy/requirements.in")


def lines(name: str) -> list[str]:
    """Lines of a file of requirements without includes."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return [line for line in text.split("\n") if line and not line.startswith("-r ")]


def pins(name: str) -> dict[str, str]:
    """Normalised package -> version of every exact pin in a file of requirements."""
    found = re.findall(
        r"^([A-Za-z0-9_-]+)==([^\s;]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE
    )
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in found}


@pytest.mark.parametrize("name", INPUTS)
def test_every_requirement_is_pinned(name):
    assert not [line for line in lines(name) if "==" not in line]


@pytest.mark.parametrize("name", INPUTS)
def test_the_lock_has_every_requirement_with_hashes(name):
    lock = Path(name).with_suffix(".txt").as_posix()
    locked = pins(lock)
    assert pins(name).items() <= locked.items(), "run `make lock`"
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / lock).read_text(encoding="utf-8"))
    assert len(entries) - 1 == len(locked)
    assert not [entry.split()[0] for entry in entries[1:] if "--hash=sha256:" not in entry]


def test_the_locks_agree_with_each_other():
    """pip installs them together."""
    every = pins("requirements-dev.txt")
    for name in ("requirements.txt", "policy/requirements.txt"):
        assert pins(name).items() <= every.items()


def test_everything_else_uses_the_same_pulumi():
    wanted = pins("requirements.in")
    assert pins("policy/requirements.in")["pulumi"] == wanted["pulumi"]
    assert wanted["pulumi-kubernetes"] == KUBERNETES_PLUGIN_VERSION
    assert PLUGINS["docker"] == wanted["pulumi-docker"]
    modules = (ROOT / "trial/go/pulumi/go.mod").read_text(encoding="utf-8")
    assert set(re.findall(r"github\.com/pulumi/pulumi/(?:pkg|sdk)/v3 v(\S+)", modules)) == {wanted["pulumi"]}
    action = yaml.safe_load((ROOT / ".github/actions/prepare/action.yml").read_text(encoding="utf-8"))
    (version,) = [
        step["with"]["pulumi-version"] for step in action["runs"]["steps"] if "pulumi" in step.get("uses", "")
    ]
    assert version == wanted["pulumi"]
