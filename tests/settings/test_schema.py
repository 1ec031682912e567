"""The published JSON Schema and reference page."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from settings.load import parse
from settings.schema import ROOT, reference, stack_schema
from settings.stack import config_key, secret_fields
from tests.support.stacks import raw, stack

STACKS = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))


def test_published_files_are_up_to_date():
    assert json.loads((ROOT / "stacks/schema.json").read_text()) == stack_schema()
    assert (ROOT / "docs/settings.md").read_text() == reference()


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_stack_files_fit_the_schema(path):
    validator = jsonschema.Draft202012Validator(stack_schema())
    assert [error.message for error in validator.iter_errors(yaml.safe_load(path.read_text()))] == []
    assert "$schema=./schema.json" in path.read_text()


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_stack_files_need_only_their_documented_secrets(path):
    """With every secret that the file's head names, and nothing else, the settings are valid."""
    config = yaml.safe_load(path.read_text())["config"]
    values = {key.removeprefix("astro-dbt:"): value for key, value in config.items()}
    for line in path.read_text().splitlines():
        if line.startswith("#   pulumi config set --secret"):
            name = line.split()[-1].strip("'")
            if name.startswith("credentials."):
                _, connection, key = name.split(".")
                values.setdefault("credentials", {})[connection] = {key: "placeholder"}
            else:
                values[name] = "placeholder"
    if "dev" in path.name:
        values |= dict.fromkeys(("agentToken", "registryPassword"), "placeholder")
        values["credentials"] = {"git": {"password": "placeholder"}}
        values["connections"]["git"].pop("caBundle")
    parse(raw(values), project="astro-dbt", root=ROOT)


def test_schema_refuses_a_secret_in_plain_text_and_an_unknown_key():
    validator = jsonschema.Draft202012Validator(stack_schema())
    config = {f"astro-dbt:{key}": value for key, value in stack().items()}
    assert list(validator.iter_errors({"config": config}))
    for field in secret_fields():
        config.pop(f"astro-dbt:{config_key(field)}", None)
    assert not list(validator.iter_errors({"config": config}))
    assert list(validator.iter_errors({"config": {**config, "astro-dbt:dbtProject": []}}))
