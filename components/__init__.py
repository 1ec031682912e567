"""Pulumi components; each one can be used from another Pulumi program as well (docs/components.md)."""

from components.agent_namespace import AgentNamespace
from components.agent_release import AgentRelease, AgentSecrets, ChartArgs, ExistingSecret, RegistryLogin
from components.client_image import ClientImage
from components.git_connections import (
    GitConnections,
    GithubAppCredentials,
    HttpsCredentials,
    SshCredentials,
)

__all__ = [
    "AgentNamespace",
    "AgentRelease",
    "AgentSecrets",
    "ChartArgs",
    "ClientImage",
    "ExistingSecret",
    "GitConnections",
    "GithubAppCredentials",
    "HttpsCredentials",
    "RegistryLogin",
    "SshCredentials",
]
