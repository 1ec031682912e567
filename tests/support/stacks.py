"""Stack configurations for tests: a complete one, and ways to change it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from settings import RawValue, Settings, SettingsError, parse
from settings.stack import config_key, secret_fields

ROOT = Path(__file__).resolve().parents[2]

# A throw-away key made for these tests alone; it opens nothing.
SSH_KEY = "-----BEGIN EC PRIVATE KEY-----\nbm90IGEga2V5\n-----END EC PRIVATE KEY-----\n"


def stack(**changes: Any) -> dict[str, Any]:
    """A complete configuration by its keys; ``changes`` replace whole keys, None removes one."""
    config: dict[str, Any] = {
        "delivery": "git-submodule",
        "dags": {"repo": "https://git.example.com/platform/dags.git", "subdir": "dags", "connection": "git"},
        "dbtProjects": [
            {
                "name": "jaffle",
                "path": "dags/dbt/jaffle",
                "repo": "https://git.example.com/analytics/jaffle.git",
                "connection": "git",
                "source": "examples/dbt-project",
            }
        ],
        "connections": {"git": {"type": "https", "login": "robot"}},
        "credentials": {"git": {"password": "canary-git-token"}},
        "registry": {"server": "registry.example.com", "username": "pusher"},
        "registryPassword": "canary-registry-password",
        "image": {
            "repository": "registry.example.com/data/client",
            "base": "images.example.com/agent:3.1-3-python-3.12-astro-agent-1.2.0",
            "adapters": ["dbt-core==1.11.16", "dbt-duckdb==1.11.1"],
            "packages": ["astronomer-cosmos==1.15.1"],
        },
        "agent": {
            "namespace": "agents",
            "apiUrl": "https://cluster.external.astronomer.run/dabcdefg",
            "ids": {"organization": "o", "workspace": "w", "deployment": "d", "deploymentNamespace": "n-n-1"},
            "chart": {"version": "2.3.3"},
        },
        "agentToken": "canary-agent-token",
    }
    return changed(config, **changes)


def changed(config: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy of a mapping with some keys changed; None removes one."""
    return {key: value for key, value in {**copy.deepcopy(config), **changes}.items() if value is not None}


def with_agent(**changes: Any) -> dict[str, Any]:
    """The complete configuration with some keys of `agent` changed."""
    return stack(agent={**stack()["agent"], **changes})


def with_ready_image(**agent: Any) -> dict[str, Any]:
    """The complete configuration with `agent.image` instead of an image that is built."""
    config = with_agent(**agent)
    del config["image"]
    return config


def raw(config: dict[str, Any]) -> dict[str, RawValue]:
    """The configuration as Pulumi hands it over."""
    secret = {config_key(field) for field in secret_fields()}
    return {
        key: RawValue(value if isinstance(value, str) else json.dumps(value), secret=key in secret)
        for key, value in config.items()
    }


def settings_of(config: dict[str, Any] | None = None, *, root: Path = ROOT) -> Settings:
    """Settings of a configuration."""
    return parse(raw(config or stack()), project="astro-dbt", root=root)


def problems(config: dict[str, Any], root: Path = ROOT) -> dict[str, str]:
    """Stack key -> sentence of every mistake in a configuration that must be refused."""
    with pytest.raises(SettingsError) as caught:
        settings_of(config, root=root)
    return {problem.key.removeprefix("astro-dbt:"): str(problem) for problem in caught.value.problems}
