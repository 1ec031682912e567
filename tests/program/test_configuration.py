"""Reading the configuration of a running program."""

from __future__ import annotations

import json

import pulumi
import pytest

from program.configuration import load
from settings import Settings, SettingsError
from settings.stack import config_key, secret_fields
from tests.support.stacks import settings_of, stack


class NoResources(pulumi.runtime.Mocks):
    def new_resource(self, args):
        raise AssertionError(args)

    def call(self, args):
        raise AssertionError(args)


def configure(config, *, encrypted=True):
    pulumi.runtime.set_mocks(NoResources(), project="astro-dbt", stack="test")
    values = {
        f"astro-dbt:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in config.items()
    }
    secret = [f"astro-dbt:{config_key(field)}" for field in secret_fields()] if encrypted else []
    pulumi.runtime.set_all_config({**values, "kubernetes:namespace": "other", "pulumi:tags": "{}"}, secret)


def test_the_configuration_is_what_the_settings_are_made_of():
    config = stack(kubeconfig="canary-kubeconfig")
    configure(config)
    assert load() == settings_of(config)


@pytest.mark.parametrize("key", sorted(map(config_key, Settings.model_fields)))
def test_every_key_of_the_project_is_read(key):
    """A value that its key refuses would go unnoticed if the key were not read."""
    refused = set()
    for value in (["no", {"key": "takes this"}], ""):
        configure({**stack(), key: value})
        try:
            load()
        except SettingsError as error:
            refused |= {problem.key for problem in error.problems}
    assert [found for found in refused if found.startswith(f"astro-dbt:{key}")], refused


def test_a_misspelled_key_is_found():
    configure({**stack(), "dbtProject": []})
    with pytest.raises(SettingsError, match="astro-dbt:dbtProject is not a known key"):
        load()


def test_whether_a_value_is_encrypted_is_seen():
    configure(stack(), encrypted=False)
    with pytest.raises(SettingsError) as caught:
        load()
    keys = {problem.key for problem in caught.value.problems}
    assert keys == {"astro-dbt:agentToken", "astro-dbt:credentials", "astro-dbt:registryPassword"}


def test_configuration_by_environment(monkeypatch):
    configure({})
    values = {
        f"astro-dbt:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in stack().items()
    }
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(values))
    secret = [f"astro-dbt:{config_key(field)}" for field in secret_fields()]
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(secret))
    assert load().delivery == "git-submodule"
