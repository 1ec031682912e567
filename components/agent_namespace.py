"""AgentNamespace: the connection to the cluster, and the agents' Kubernetes namespace."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.cluster_objects import Namespace
from components.confirmation import once_confirmed
from domain.names import AGENT_NAMESPACE, FORCE_PATCH


@dataclass(frozen=True, kw_only=True)
class AgentNamespaceArgs:
    """Which namespace of which cluster."""

    namespace: str
    """Name of the namespace."""
    create: bool = True
    """False: the namespace is not managed by this stack, and it is left alone."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the namespace."""
    pod_security: str | None = None
    """Pod security standard that the namespace enforces; None: no such labels."""
    kubeconfig: pulumi.Input[str] | None = None
    """Path or content of a kubeconfig; None: the one of the environment."""
    context: str | None = None
    """Context of the kubeconfig; None: its current one."""
    protect: bool = False
    """Whether Pulumi refuses to delete the namespace."""
    confirm: Callable[[str], None] | None = None
    """Called with the id of a created namespace as soon as it is known; by raising it keeps an update from what depends on it."""


class AgentNamespace(pulumi.ComponentResource):
    """A separate Kubernetes provider and, if this stack manages it, the agents' namespace.

    The provider updates Secrets and ConfigMaps in place. By default it would replace them, and a Pod that starts in between
    would fail (pulumi-kubernetes, provider option `enableSecretMutable`).
    """

    provider: kubernetes.Provider
    """Provider for everything in this cluster."""
    name: pulumi.Output[str]
    """Name of the namespace, known once it exists."""

    def __init__(
        self, resource_name: str, args: AgentNamespaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Create the provider and the namespace."""
        super().__init__(AGENT_NAMESPACE, resource_name, None, opts)
        self.provider = kubernetes.Provider(
            resource_name,
            kubeconfig=_environment() if args.kubeconfig is None else args.kubeconfig,
            context=args.context,
            enable_secret_mutable=True,
            enable_config_map_mutable=True,
            **_resume(),
            opts=pulumi.ResourceOptions(parent=self),
        )
        if args.create:
            security = {
                f"pod-security.kubernetes.io/{mode}": args.pod_security
                for mode in ("enforce", "audit", "warn")
                if args.pod_security is not None
            }
            namespace = Namespace(
                resource_name,
                metadata={
                    "name": args.namespace,
                    "labels": {**args.labels, **security},
                    "annotations": FORCE_PATCH,
                },
                opts=pulumi.ResourceOptions(parent=self, provider=self.provider, protect=args.protect),
            )
            self.name = namespace.metadata.apply(lambda metadata: str(metadata["name"]))
            if args.confirm is not None:
                name = once_confirmed(self.name, namespace.id.apply(args.confirm))
                self.name = pulumi.Output.from_input(name)
        else:
            self.name = pulumi.Output.from_input(args.namespace)
        self.register_outputs({"name": self.name})


def _environment() -> str | None:
    """The kubeconfig of a stack that names none: an empty text has the plugin read KUBECONFIG itself, as kubectl does.

    Left out, the SDK hands the variable to the plugin, which takes it for one path, and several of them for the content of a
    kubeconfig (pulumi-kubernetes 4.25.0, provider/pkg/provider/util.go). For one path that is right, and tells the plugin when
    another cluster is meant.
    """
    return "" if os.pathsep in os.environ.get("KUBECONFIG", "") else None


def _resume() -> dict[str, Any]:
    """Option of plugins since 4.29, which otherwise refuse objects that a killed run created and did not record.

    Older plugins take such objects over, and their SDKs do not know the option. Preflight reports objects of others before
    any change, with either.
    """
    known = inspect.signature(kubernetes.ProviderArgs).parameters
    return {"upsert_existing_objects": True} if "upsert_existing_objects" in known else {}
