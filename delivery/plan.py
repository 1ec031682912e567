"""What a delivery option requires: plain data, without Pulumi or I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.recipe import Recipe


@dataclass(frozen=True)
class SecretKey:
    """A key of a Kubernetes Secret."""

    secret: str
    """Name of the Secret."""
    key: str
    """Key in it."""


@dataclass(frozen=True)
class EnvVar:
    """One environment variable of the agents' containers."""

    name: str
    """Name."""
    value: str | SecretKey
    """Plain text, or the Secret's key that holds the text."""

    def manifest(self) -> dict[str, Any]:
        """The variable in Kubernetes' format."""
        if isinstance(self.value, str):
            return {"name": self.name, "value": self.value}
        reference = {"name": self.value.secret, "key": self.value.key}
        return {"name": self.name, "valueFrom": {"secretKeyRef": reference}}


@dataclass(frozen=True)
class Mount:
    """A Secret or ConfigMap that the agents read as files."""

    name: str
    """Name of the volume."""
    path: str
    """Folder in the container."""
    secret: str | None = None
    """Secret, or …"""
    config_map: str | None = None
    """… ConfigMap that the folder shows."""

    def volume(self) -> dict[str, Any]:
        """The volume in Kubernetes' format; group-readable, because ssh refuses keys that others can read."""
        if self.secret:
            return {"name": self.name, "secret": {"secretName": self.secret, "defaultMode": 0o440}}
        return {"name": self.name, "configMap": {"name": self.config_map, "defaultMode": 0o444}}

    def volume_mount(self) -> dict[str, Any]:
        """Its mount in Kubernetes' format."""
        return {"name": self.name, "mountPath": self.path, "readOnly": True}


@dataclass(frozen=True)
class Bundle:
    """A Dag bundle of Airflow."""

    name: str
    """Name of the bundle."""
    class_path: str
    """Its class."""
    kwargs: Mapping[str, Any]
    """Arguments of its class."""

    def entry(self) -> dict[str, Any]:
        """The bundle in Airflow's configuration."""
        return {"name": self.name, "classpath": self.class_path, "kwargs": dict(self.kwargs)}


@dataclass(frozen=True)
class Plan:
    """Everything that one option requires of the components."""

    option: str
    """Name of the option, as in the stack's `delivery`."""
    bundles: tuple[Bundle, ...]
    """Where the Dags come from."""
    environment: tuple[EnvVar, ...]
    """Variables of workers, Dag processor and triggerer."""
    mounts: tuple[Mount, ...]
    """Files for the same components."""
    config_files: Mapping[str, str]
    """Files of the ConfigMap in `mounts`, if any; nothing secret."""
    connections_read: frozenset[str]
    """Ids of the connections whose Secrets the agents read."""
    project_paths: Mapping[str, str]
    """dbt project -> its folder on the agent."""
    runtime: Recipe | None = None
    """How the image that agents run is built; None if the stack names a ready one."""
    projects: Recipe | None = None
    """How the dbt projects are added to it; None if the option does not do that."""
    withheld: tuple[str, ...] = ()
    """Variables that the option asks for and the stack withholds."""
    bundle_text: str | None = None
    """A `dagBundleConfigList` of the stack that agrees: its spelling and its additional bundles are kept."""

    def bundle_config_list(self) -> str:
        """The chart's `dagBundleConfigList`: a JSON list as text (not a YAML list)."""
        if self.bundle_text is not None:
            return self.bundle_text
        return json.dumps([bundle.entry() for bundle in self.bundles], sort_keys=True)
