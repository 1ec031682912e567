"""AgentObjects: objects next to the chart's, which the chart has no values for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from domain.names import AGENT_OBJECTS, FORCE_PATCH


@dataclass(frozen=True, kw_only=True)
class AgentObjectsArgs:
    """Which objects, and where."""

    namespace: pulumi.Input[str]
    """Namespace of the agents."""
    manifests: Sequence[Mapping[str, Any]]
    """Manifests with apiVersion, kind, metadata.name and spec; nothing secret."""


class AgentObjects(pulumi.ComponentResource):
    """ScaledObjects, PodDisruptionBudgets and the like: created after what they refer to, deleted before it."""

    def __init__(
        self, resource_name: str, args: AgentObjectsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Create the objects."""
        super().__init__(AGENT_OBJECTS, resource_name, None, opts)
        names = []
        for manifest in args.manifests:
            name = manifest["metadata"]["name"]
            kubernetes.apiextensions.CustomResource(
                f"{resource_name}-{manifest['kind']}-{name}".lower(),
                api_version=manifest["apiVersion"],
                kind=manifest["kind"],
                metadata={"name": name, "namespace": args.namespace, "annotations": FORCE_PATCH},
                spec=manifest["spec"],
                opts=pulumi.ResourceOptions(parent=self),
            )
            names.append(f"{manifest['kind']}/{name}")
        self.register_outputs({"objects": names})
