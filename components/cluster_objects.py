"""The few kinds of cluster objects that the components create, without the SDK's 1,500 classes.

The classes of `pulumi_kubernetes.core.v1` come with the types of all its objects, and `helm.v3` with the SDK's YAML
parser. Importing both takes as long as everything else that a preview imports. These classes register the same resources
with the same inputs and options, which is tested against the SDK's own, so the state cannot tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

import pulumi

from domain.names import CONFIG_MAP_TYPE, NAMESPACE_TYPE, RELEASE_TYPE, SECRET_TYPE


class _Object(pulumi.CustomResource):
    """A resource of the Kubernetes plugin."""

    def __init__(
        self,
        token: str,
        resource_name: str,
        inputs: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None,
        *,
        secret_outputs: list[str] | None = None,
    ) -> None:
        """Register it with the plugin's version that belongs to the installed SDK."""
        merged = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=_plugin_version()), opts)
        if secret_outputs:
            secret = pulumi.ResourceOptions(additional_secret_outputs=secret_outputs)
            merged = pulumi.ResourceOptions.merge(merged, secret)
        super().__init__(token, resource_name, dict(inputs), merged)


@cache
def _plugin_version() -> str:
    return version("pulumi-kubernetes")


class Namespace(_Object):
    """A Namespace."""

    metadata: pulumi.Output[Mapping[str, Any]]
    """Its metadata, as the cluster has them."""

    def __init__(
        self,
        resource_name: str,
        *,
        metadata: pulumi.Input[Mapping[str, Any]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create it."""
        inputs = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": metadata,
            "spec": None,
            "status": None,
        }
        super().__init__(NAMESPACE_TYPE, resource_name, inputs, opts)


class Secret(_Object):
    """A Secret; its content is secret in Pulumi's state."""

    metadata: pulumi.Output[Mapping[str, Any]]
    """Its metadata, as the cluster has them."""

    def __init__(
        self,
        resource_name: str,
        *,
        metadata: pulumi.Input[Mapping[str, Any]],
        string_data: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        data: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        type: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create it, from texts in ``string_data`` or base64 in ``data``."""
        inputs = {
            "apiVersion": "v1",
            "data": None if data is None else pulumi.Output.secret(data),
            "immutable": None,
            "kind": "Secret",
            "metadata": metadata,
            "stringData": None if string_data is None else pulumi.Output.secret(string_data),
            "type": type,
        }
        super().__init__(SECRET_TYPE, resource_name, inputs, opts, secret_outputs=["data", "stringData"])


class ConfigMap(_Object):
    """A ConfigMap."""

    metadata: pulumi.Output[Mapping[str, Any]]
    """Its metadata, as the cluster has them."""

    def __init__(
        self,
        resource_name: str,
        *,
        metadata: pulumi.Input[Mapping[str, Any]],
        data: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create it."""
        inputs = {
            "apiVersion": "v1",
            "binaryData": None,
            "data": data,
            "immutable": None,
            "kind": "ConfigMap",
            "metadata": metadata,
        }
        super().__init__(CONFIG_MAP_TYPE, resource_name, inputs, opts)


class Release(_Object):
    """A Helm release that the plugin installs: waits, and rolls back on failure."""

    status: pulumi.Output[Mapping[str, Any]]
    """name, chart, version, revision, status and more of the release."""

    def __init__(
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str],
        namespace: pulumi.Input[str],
        chart: pulumi.Input[str],
        version: pulumi.Input[str] | None,
        repository: str | None,
        values: pulumi.Input[Mapping[str, Any]],
        timeout: int,
        max_history: int,
        description: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Install or upgrade it.

        ``chart`` is a name in ``repository`` (a URL), or the address of a chart in a registry and no ``repository``; ``timeout``
        is in seconds.
        """
        inputs = {
            "atomic": True,
            "chart": chart,
            "cleanupOnFail": True,
            "compat": "true",
            "description": description,
            "maxHistory": max_history,
            "name": name,
            "namespace": namespace,
            "repositoryOpts": None if repository is None else {"repo": repository},
            "resourceNames": None,
            "status": None,
            "timeout": timeout,
            "values": values,
            "version": version,
        }
        super().__init__(RELEASE_TYPE, resource_name, inputs, opts)
