"""Pulumi components; each one can be used from another Pulumi program as well (docs/components.md)."""

from components.agent_namespace import AgentNamespace, AgentNamespaceArgs
from components.agent_objects import AgentObjects, AgentObjectsArgs
from components.agent_release import AgentRelease, AgentReleaseArgs, AgentSecrets, ExistingSecret
from components.client_image import ClientImage, ClientImageArgs
from components.git_connections import (
    GitConnections,
    GitConnectionsArgs,
    GithubAppCredentials,
    HttpsCredentials,
    SshCredentials,
)
from components.registry_login import RegistryLogin
from domain.chart import ChartAddress

__all__ = [
    "AgentNamespace",
    "AgentNamespaceArgs",
    "AgentObjects",
    "AgentObjectsArgs",
    "AgentRelease",
    "AgentReleaseArgs",
    "AgentSecrets",
    "ChartAddress",
    "ClientImage",
    "ClientImageArgs",
    "ExistingSecret",
    "GitConnections",
    "GitConnectionsArgs",
    "GithubAppCredentials",
    "HttpsCredentials",
    "RegistryLogin",
    "SshCredentials",
]
