"""`agent.identity`: the cloud identity that agents act with, instead of keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints, model_validator

from settings.base import DnsSubdomain, Section

_Uuid = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$", to_lower=True)
]


class AwsIdentity(Section):
    """A role of AWS IAM."""

    role_arn: Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[^\s]+$")]
    """ARN of the role."""
    by: Literal["irsa", "pod-identity"] = "irsa"
    """irsa: an annotation of the service account; pod-identity: an association that you create in EKS."""


class GcpIdentity(Section):
    """A service account of Google Cloud, by GKE's Workload Identity Federation."""

    service_account: Annotated[
        str, StringConstraints(pattern=r"^[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com$")
    ]
    """E-mail address of the Google service account."""


class AzureIdentity(Section):
    """An application or managed identity of Microsoft Entra, by Azure Workload Identity."""

    client_id: _Uuid
    """Client id."""
    tenant_id: _Uuid | None = None
    """Tenant, when it is not that of the cluster."""


class Identity(Section):
    """Who agents are in the cloud: the labels and annotations of one cloud, which work only together."""

    aws: AwsIdentity | None = None
    """Amazon EKS."""
    gcp: GcpIdentity | None = None
    """Google GKE."""
    azure: AzureIdentity | None = None
    """Azure AKS."""
    account: DnsSubdomain | None = None
    """Kubernetes service account that exists and has the annotations itself; otherwise the chart creates and annotates one."""

    @model_validator(mode="after")
    def _one_cloud(self) -> Identity:
        named = [name for name in ("aws", "gcp", "azure") if getattr(self, name) is not None]
        if len(named) != 1:
            what = f"names {' and '.join(named)}" if named else "names no cloud"
            raise ValueError(f"{what}; write one of aws, gcp and azure")
        return self
