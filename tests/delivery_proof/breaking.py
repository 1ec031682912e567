"""Containers with one thing broken or left out on purpose, to show that the proof notices and why a setting is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.support.pod_template import Container

BUNDLES = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"


def with_environment(container: Container, **variables: str) -> Container:
    """The container with some variables changed."""
    return replace(container, environment={**container.environment, **variables})


def with_bundle(container: Container, **kwargs: Any) -> Container:
    """The container with some of the bundle's arguments changed."""
    (entry,) = json.loads(container.environment[BUNDLES])
    entry["kwargs"] |= kwargs
    return with_environment(container, **{BUNDLES: json.dumps([entry])})


def with_wrong_tokens(container: Container) -> Container:
    """The container with every token replaced by one that opens nothing."""

    def wrong(value: str) -> str:
        if value.startswith("Authorization: Basic "):
            return "Authorization: Basic bm9ib2R5Om5vdGhpbmc="
        if value.startswith("{"):
            return json.dumps({**json.loads(value), "password": "opens-nothing"})
        return value

    return with_environment(container, **{name: wrong(value) for name, value in container.secrets().items()})


def with_plain_key(container: Container, connection: str, url: str) -> Container:
    """The container as the provider's documentation sets up SSH: the private key in the connection, nothing of Git's."""
    (key,) = (
        volume.files["ssh-privatekey"].content.decode()
        for volume in container.volumes
        if "ssh-privatekey" in volume.files
    )
    kept = {
        name: value for name, value in container.environment.items() if not name.startswith("GIT_CONFIG_")
    }
    value = {
        "conn_type": "git",
        "host": url,
        "extra": {"private_key": key, "strict_host_key_checking": "accept-new"},
    }
    return replace(container, environment={**kept, f"AIRFLOW_CONN_{connection.upper()}": json.dumps(value)})


def each(
    containers: Mapping[str, Container], change: Callable[[Container], Container]
) -> dict[str, Container]:
    """All containers, changed."""
    return {name: change(container) for name, container in containers.items()}
