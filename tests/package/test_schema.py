"""The package's schema: what programs in other languages see."""

from __future__ import annotations

import json
import tomllib

import pytest

from settings.stack import Settings, config_key, secret_fields
from tests.package import AgentsProvider, version
from tests.support.stacks import ROOT


@pytest.fixture(scope="module")
def component():
    schema = json.loads(AgentsProvider().schema or "")
    assert schema["version"] == version()
    return schema["resources"]["astro-agents:index:AstroAgents"]


def test_inputs_are_keys_of_a_stack_file(component) -> None:
    """But for the image that is built, its login and its network, and for the checks before a change."""
    keys = {config_key(field) for field in Settings.model_fields}
    program_only = {
        "image",
        "registry",
        "registryPassword",
        "preflight",
        "packageIndex",
        "proxy",
        "dbtPackages",
        "mirror",
    }
    assert set(component["inputProperties"]) - {"agentImage"} == keys - program_only
    assert sorted(component["requiredInputs"]) == ["agent", "dags", "dbtProjects"]


def test_secrets_may_be_outputs_and_everything_else_is_known(component) -> None:
    inputs = component["inputProperties"]
    secret = {config_key(field) for field in secret_fields()} | {"agentImage"}
    assert {name for name, entry in inputs.items() if not entry.get("plain")} == secret & inputs.keys()


def test_every_property_is_described(component) -> None:
    described = [*component["inputProperties"].values(), *component["properties"].values(), component]
    assert all(entry["description"].strip() for entry in described)


def test_outputs(component) -> None:
    assert set(component["properties"]) == {"namespace", "release", "image", "dagBundleConfigList"}


def test_the_version_is_written_once_more_only_where_the_plugin_reads_it() -> None:
    for folder in (ROOT, ROOT / "package"):
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        assert project["version"] == version()
