"""The package in use: installed by pip for a Python program, added by `pulumi package add` to a Python and a YAML program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.engine import Project, copy_program, trial_config
from tests.support.stacks import ROOT
from tests.support.yaml_host import build
from trial.environment import Environment

pytestmark = pytest.mark.engine

PYTHON = """\
import json

import pulumi

from astro_agents import AstroAgents

config = pulumi.Config()
agents = AstroAgents(
    "agents",
    {
        **json.loads(config.require("arguments")),
        "credentials": config.require_secret_object("credentials"),
        "agent_token": config.require_secret("agentToken"),
    },
)
pulumi.export("release", agents.release)
"""


WITH_SDK = """\
import json

import pulumi
import pulumi_astro_agents as astro_agents

config = pulumi.Config()
agents = astro_agents.AstroAgents(
    "agents",
    **json.loads(config.require("arguments")),
    credentials=config.require_secret_object("credentials"),
    agent_token=config.require_secret("agentToken"),
)
pulumi.export("release", agents.release)
"""


def installed(folder: Path) -> Path:
    """The package as pip installs it from the checkout."""
    source = folder / "source"
    copy_program(source)
    shutil.copytree(
        ROOT / "package", source / "package", ignore=shutil.ignore_patterns("__pycache__", "build")
    )
    target = folder / "installed"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(target),
        str(source / "package"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


class Program(Project):
    """A Pulumi program in a separate folder, with the stack `dev`."""

    def __init__(self, environment: Environment, folder: Path, **more: str) -> None:
        super().__init__(environment, folder)
        self.variables |= more
        folder.mkdir()

    def pulumi(self, *arguments: str | Path, stdin: str = "") -> str:
        done = self.tried(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tried(self, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return self.run("pulumi", *map(str, arguments), "--non-interactive", stdin=stdin)

    def secrets(self, **values: str) -> None:
        for key, value in values.items():
            self.pulumi("config", "set", "--secret", key, "--stack", "dev", stdin=value)

    def destroy(self) -> None:
        self.pulumi("destroy", "--yes", "--skip-preview", "--stack", "dev")


def arguments(environment: Environment, name: str) -> dict[str, Any]:
    """Keys of a stack file for the trial, without secrets and with a ready image."""
    config = trial_config(environment.info(), name)
    agent = {**config["agent"], "image": environment.info().base_image}
    return {key: config[key] for key in ("dags", "dbtProjects", "connections")} | {"agent": agent}


def token(environment: Environment) -> str:
    return json.dumps({"git": {"password": environment.info().git.token}})


@pytest.fixture
def python_project(environment: Environment, tmp_path: Path) -> Iterator[Program]:
    """A Python program that imports the installed package."""
    project = Program(environment, tmp_path / "python", PYTHONPATH=str(installed(tmp_path)))
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": str(ROOT / ".venv")}}
    (project.folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "other-python", "runtime": runtime}))
    (project.folder / "__main__.py").write_text(PYTHON)
    project.pulumi("stack", "init", "dev")
    yield project
    project.destroy()


def test_a_python_program_in_another_folder(environment: Environment, python_project: Program) -> None:
    given = arguments(environment, "other-python")
    given["dbt_projects"] = given.pop("dbtProjects")
    python_project.pulumi("config", "set", "arguments", json.dumps(given), "--stack", "dev")
    python_project.secrets(credentials=token(environment), agentToken="canary-token")
    python_project.pulumi("up", "--yes", "--skip-preview", "--stack", "dev")
    release = json.loads(python_project.pulumi("stack", "output", "--json", "--stack", "dev"))["release"]
    assert (release["status"], release["version"]) == ("deployed", "2.3.3")
    state = python_project.pulumi("stack", "export", "--stack", "dev")
    assert "canary-token" not in state
    assert environment.info().git.token not in state
    refused(python_project)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package in a checkout, with its dependencies installed."""
    checkout = copy_program(tmp_path_factory.mktemp("package") / "checkout")
    shutil.copytree(ROOT / "package", checkout / "package", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.txt", checkout)
    (checkout / "package" / ".venv").symlink_to(ROOT / ".venv")
    return checkout / "package"


@pytest.fixture
def sdk_project(environment: Environment, tmp_path: Path, package: Path) -> Iterator[Program]:
    """A Python program with the generated SDK in its own virtual environment, which sees the tests' packages."""
    project = Program(environment, tmp_path / "sdk")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project.folder / "venv"], check=True)
    [site] = project.folder.glob("venv/lib/python*/site-packages")
    (site / "more.pth").write_text(sysconfig.get_path("purelib"))
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": "venv"}}
    (project.folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "other-sdk", "runtime": runtime}))
    (project.folder / "requirements.txt").write_text("pulumi>=3,<4\n")
    (project.folder / "__main__.py").write_text(WITH_SDK)
    project.pulumi("stack", "init", "dev")
    assert "import pulumi_astro_agents as astro_agents" in project.pulumi("package", "add", package)
    yield project
    project.destroy()


def test_a_python_program_with_the_generated_sdk(environment: Environment, sdk_project: Program) -> None:
    assert list(yaml.safe_load((sdk_project.folder / "Pulumi.yaml").read_text())["packages"]) == [
        "astro-agents"
    ]
    assert (sdk_project.folder / "requirements.txt").read_text() == "pulumi>=3,<4\nsdks/astro-agents\n"
    given = arguments(environment, "other-sdk")
    given["dbt_projects"] = given.pop("dbtProjects")
    sdk_project.pulumi("config", "set", "arguments", json.dumps(given), "--stack", "dev")
    sdk_project.secrets(credentials=token(environment), agentToken="canary-token")
    sdk_project.pulumi("up", "--yes", "--skip-preview", "--stack", "dev")
    release = json.loads(sdk_project.pulumi("stack", "output", "--json", "--stack", "dev"))["release"]
    assert (release["status"], release["version"]) == ("deployed", "2.3.3")
    assert "canary-token" not in sdk_project.pulumi("stack", "export", "--stack", "dev")

    given["agent"]["workers"] = [{"name": "w", "queus": ["a"]}]
    sdk_project.pulumi("config", "set", "arguments", json.dumps(given), "--stack", "dev")
    mistake(sdk_project)
    refused(sdk_project)


def mistake(project: Program) -> None:
    """The mistake in the arguments is reported as in a stack file."""
    printed = report(project)
    assert "agents:agent.workers[0].queus is not a known key; write queues if you meant that" in printed
    assert "component.py" not in printed


def refused(project: Program) -> None:
    """Pulumi's log would contain the Secrets."""
    assert "--verbose=9: makes Pulumi log the content of Secrets in Base64" in report(project, "-v=9")


def report(project: Program, *options: str) -> str:
    """What a preview that fails prints."""
    done = project.tried("preview", "--stack", "dev", *options)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def yaml_project(environment: Environment, tmp_path: Path, package: Path) -> Iterator[Program]:
    """A YAML program that the package is added to."""
    path = f"{build()}{os.pathsep}{environment.variables()['PATH']}"
    project = Program(environment, tmp_path / "yaml", PATH=path)
    (project.folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "other-yaml", "runtime": "yaml"}))
    project.pulumi("stack", "init", "dev")
    project.pulumi("package", "add", package)
    yield project
    project.destroy()


def test_a_yaml_program(environment: Environment, yaml_project: Program) -> None:
    project = yaml.safe_load((yaml_project.folder / "Pulumi.yaml").read_text())
    assert project["packages"]
    given = arguments(environment, "other-yaml")
    given |= {"credentials": {"git": {"password": "${gitToken}"}}, "agentToken": "${agentToken}"}
    project["config"] = {name: {"type": "string", "secret": True} for name in ("gitToken", "agentToken")}
    project["resources"] = {"agents": {"type": "astro-agents:AstroAgents", "properties": given}}
    project["outputs"] = {"release": "${agents.release}"}
    file = yaml_project.folder / "Pulumi.yaml"
    file.write_text(yaml.safe_dump(project, sort_keys=False))
    yaml_project.secrets(gitToken=environment.info().git.token, agentToken="canary-token")
    yaml_project.pulumi("up", "--yes", "--skip-preview", "--stack", "dev")
    release = json.loads(yaml_project.pulumi("stack", "output", "--json", "--stack", "dev"))["release"]
    assert release["status"] == "deployed"
    assert "canary-token" not in yaml_project.pulumi("stack", "export", "--stack", "dev")

    given["agent"]["workers"] = [{"name": "w", "queus": ["a"]}]
    file.write_text(yaml.safe_dump(project, sort_keys=False))
    mistake(yaml_project)
