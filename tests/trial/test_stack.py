"""What the trial writes into the stack file, and takes out again."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import yaml

from tests.support.stacks import ROOT
from trial.environment import EnvironmentInfo
from trial.git_server import GitInfo
from trial.pulumi_cli import PulumiInfo
from trial.registry_server import RegistryInfo
from trial.stack import configure, restore, stack_file


def info(cls, **values):
    """An instance with text in every field that the test does not care about."""
    return cls(**{name: values.get(name, f"{name}-x") for name in cls.__dataclass_fields__})


@pytest.fixture
def environment(tmp_path):
    return info(
        EnvironmentInfo,
        git=info(
            GitInfo, url="https://localhost:1", token="canary-token", ca_file=str(tmp_path / ".trial/ca.crt")
        ),
        registry=info(RegistryInfo, server="127.0.0.1:2", password="canary-password"),
        pulumi=info(PulumiInfo),
        ready_image=None,
    )


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "stacks").mkdir()
    shutil.copy(ROOT / "stacks/Pulumi.dev.yaml", stack_file(tmp_path))
    return tmp_path


class FakePulumi:
    """Does to the file what `pulumi config` does, and remembers its arguments."""

    def __init__(self, file):
        self.file, self.arguments = file, []

    def __call__(self, arguments, *, stdin=None):
        self.arguments.append(list(arguments))
        content = yaml.safe_load(self.file.read_text())
        content["encryptionsalt"] = "v1:salt"
        config = content["config"]
        if stdin is not None:
            config[arguments[-1].split(".")[0]] = {"secure": "v1:cipher"}
        for pair in (item for item in arguments if "=" in item):
            key, _, value = pair.partition("=")
            if key == "astro-dbt:dags.repo":
                config["astro-dbt:dags"]["repo"] = value
            if key == "astro-dbt:agent.sentinel.image":
                config["astro-dbt:agent"]["sentinel"] = {"image": value}
        self.file.write_text(yaml.safe_dump(content))


def test_configure_and_restore_leave_the_file_as_it_was(checkout, environment):
    file = stack_file(checkout)
    before = file.read_text()
    pulumi = FakePulumi(file)
    configure(environment, pulumi, repo=checkout, state=checkout / ".trial", delivery="agent-image")
    assert "https://localhost:1/platform/dags.git" in file.read_text()
    assert "image: sentinel_image-x" in file.read_text(), (
        "the vendor's registry is not reachable from every node"
    )
    assert restore(repo=checkout, state=checkout / ".trial") is True
    assert file.read_text() == before


def test_secrets_never_become_arguments(checkout, environment):
    pulumi = FakePulumi(stack_file(checkout))
    configure(environment, pulumi, repo=checkout, state=checkout / ".trial")
    assert "canary" not in str(pulumi.arguments)
    assert sum("--secret" in arguments for arguments in pulumi.arguments) == 3


def test_the_agent_token_is_drawn_once(checkout, environment):
    pulumi = FakePulumi(stack_file(checkout))
    configure(environment, pulumi, repo=checkout, state=checkout / ".trial")
    configure(environment, pulumi, repo=checkout, state=checkout / ".trial")
    assert sum(arguments[-1] == "astro-dbt:agentToken" for arguments in pulumi.arguments) == 1


def test_changes_of_the_user_stay(checkout, environment):
    file = stack_file(checkout)
    configure(environment, FakePulumi(file), repo=checkout, state=checkout / ".trial")
    content = yaml.safe_load(file.read_text())
    content["config"]["astro-dbt:agent"]["workers"][0]["replicas"] = 3
    file.write_text(yaml.safe_dump(content))
    assert restore(repo=checkout, state=checkout / ".trial") is False
    after = yaml.safe_load(file.read_text())
    assert after["config"]["astro-dbt:agent"]["workers"][0]["replicas"] == 3
    assert "encryptionsalt" not in after
    assert after["config"]["astro-dbt:dags"]["repo"].startswith("https://localhost:30443/")
    assert "astro-dbt:agentToken" not in after["config"]


def test_without_docker_a_ready_image_takes_the_place_of_the_recipe(environment, checkout, tmp_path):
    before = stack_file(checkout).read_text()
    fake = FakePulumi(stack_file(checkout))
    ready = "127.0.0.1:2/data/ready-agent:1@sha256:" + "0" * 64
    without = replace(environment, ready_image=ready, base_image=None, sentinel_image=None)
    configure(without, fake, repo=checkout, state=tmp_path / "state")
    config = yaml.safe_load(stack_file(checkout).read_text())["config"]
    assert "astro-dbt:image" not in config
    assert config["astro-dbt:agent"]["image"] == ready
    configure(environment, fake, repo=checkout, state=tmp_path / "state")
    config = yaml.safe_load(stack_file(checkout).read_text())["config"]
    assert config["astro-dbt:image"]["packages"] == ["astronomer-cosmos==1.15.1"]
    assert "image" not in config["astro-dbt:agent"]
    configure(without, fake, repo=checkout, state=tmp_path / "state")
    assert restore(repo=checkout, state=tmp_path / "state")
    assert stack_file(checkout).read_text() == before
