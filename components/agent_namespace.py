"""AgentNamespace: the way to the cluster, and the agents' Kubernetes namespace."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as kubernetes

from domain.names import FORCE_PATCH


class AgentNamespace(pulumi.ComponentResource):
    """A Kubernetes provider of its own and, unless somebody else owns it, the agents' namespace.

    The provider changes Secrets and ConfigMaps in place. By default it deletes and makes them again, and a Pod that starts
    in between fails (pulumi-kubernetes, provider option `enableSecretMutable`).
    """

    provider: kubernetes.Provider
    """Provider for everything in this cluster."""
    name: pulumi.Output[str]
    """Name of the namespace, known once it exists."""

    def __init__(
        self,
        resource_name: str,
        *,
        namespace: str,
        create: bool = True,
        labels: Mapping[str, str] | None = None,
        pod_security: str | None = None,
        kubeconfig: pulumi.Input[str] | None = None,
        context: str | None = None,
        protect: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the provider and the namespace.

        ``kubeconfig`` is the path or the content of a kubeconfig (the surroundings' when left out); ``pod_security`` is the
        pod security standard that the namespace enforces.
        """
        super().__init__("astro-dbt:components:AgentNamespace", resource_name, None, opts)
        self.provider = kubernetes.Provider(
            resource_name,
            kubeconfig=kubeconfig,
            context=context,
            enable_secret_mutable=True,
            enable_config_map_mutable=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        if create:
            security = {
                f"pod-security.kubernetes.io/{mode}": pod_security
                for mode in ("enforce", "audit", "warn")
                if pod_security is not None
            }
            made = kubernetes.core.v1.Namespace(
                resource_name,
                metadata={
                    "name": namespace,
                    "labels": {**(labels or {}), **security},
                    "annotations": FORCE_PATCH,
                },
                opts=pulumi.ResourceOptions(parent=self, provider=self.provider, protect=protect),
            )
            self.name = made.metadata.apply(lambda metadata: str(metadata.name))
        else:
            self.name = pulumi.Output.from_input(namespace)
        self.register_outputs({"name": self.name})
