"""Reading the running Pulumi program's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import get_config, get_config_env, is_config_secret
from pulumi.runtime.config import CONFIG, get_config_secret_keys_env

from settings.load import RawValue, parse
from settings.stack import Settings


def load() -> Settings:
    """Settings of the current stack; raises SettingsError with every mistake in it."""
    project = pulumi.get_project()
    return parse(_raw(project), project=project, root=Path(pulumi.runtime.get_root_directory() or "."))


def _raw(project: str) -> Mapping[str, RawValue]:
    prefix = f"{project}:"
    secret = set(get_config_secret_keys_env())
    # The SDK has no public way to list the keys, and a misspelled key must not go unnoticed.
    names: set[str] = {*CONFIG.get(), *_mapping(get_config_env())}
    return {
        name.removeprefix(prefix): RawValue(
            str(get_config(name)), secret=name in secret or is_config_secret(name)
        )
        for name in names
        if name.startswith(prefix)
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
