"""Opening repositories, registries and the cluster with the stack's credentials, for checks, image builds and reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clients.docker_config import docker_login, helper_login
from clients.errors import Cause, RemoteError
from clients.git import Access, GitError
from clients.git.github_app import GithubApp
from clients.kubernetes import Cluster, connect, secret_data
from clients.registry import Login, Registry
from delivery.connection_data import created_secret, repository_of
from delivery.git_access import secret_name
from domain.address import RepositoryAddress
from domain.connection_secret import (
    CONNECTION_KEY,
    HEADER_KEY,
    KNOWN_HOSTS_KEY,
    SSH_KEY,
    extra_of,
    http_header,
    parse_airflow_connection,
)
from settings.connections import GithubAppConnection, SshConnection
from settings.stack import Settings

SecretReader = Callable[[str], Mapping[str, str] | None]
"""Data of a Kubernetes Secret by name, decoded; None when it does not exist or may not be read."""


def open_cluster(settings: Settings, *, root: Path, timeout: float) -> Cluster:
    """The way to the stack's cluster; ``timeout`` is in seconds per request. Raises ClusterError; nothing is sent yet."""
    return connect(settings.kubeconfig_in_use, settings.agent.cluster.context, root=root, timeout=timeout)


def cluster_secrets(settings: Settings, *, root: Path) -> SecretReader:
    """Reader of Secrets in the agents' namespace; nothing is sent until a Secret is read."""

    def read(name: str) -> Mapping[str, str] | None:
        try:
            cluster = open_cluster(settings, root=root, timeout=float(settings.preflight.timeout))
            return secret_data(cluster, namespace=settings.agent.namespace, name=name)
        except RemoteError:
            return None

    return read


def open_registry(settings: Settings, server: str, *, timeout: float | None = None) -> Registry:
    """A registry with the stack's login for it, or that of `docker login`; nothing is sent yet.

    ``timeout`` is in seconds per request, `preflight.timeout` by default.
    """
    login = registry_login(settings, server) or docker_login(server) or helper_login(server)
    return Registry(server, login, timeout=timeout or float(settings.preflight.timeout))


def registry_login(settings: Settings, server: str) -> Login | None:
    """The stack's login for a registry."""
    pairs = (
        (settings.registry, settings.registry_password),
        (settings.base_registry, settings.base_registry_password),
        (settings.pull_registry, settings.pull_registry_password),
    )
    for registry, password in pairs:
        if registry is not None and password is not None and registry.server == server:
            return Login(registry.username, password.get_secret_value())
    return None


def repository_access(
    settings: Settings, connection: str | None, *, root: Path, secrets: SecretReader
) -> Access:
    """Access that one connection gives to any repository of its host; None is anonymous access.

    ``root`` is the folder that `caBundle` starts from; ``secrets`` reads Secrets that exist in the cluster.
    Raises GitError with the cause NO_CREDENTIALS when the stack cannot know the connection's credentials.
    """
    if connection is None:
        return Access()
    found = settings.connections[connection]
    if found.backend:
        raise GitError(Cause.NO_CREDENTIALS, f"the secrets backend holds the connection {connection}")
    data = connection_data(settings, connection, secrets)
    if isinstance(found, SshConnection):
        if SSH_KEY not in data:
            raise GitError(Cause.UNAUTHORISED, f"the connection's Secret has no key {SSH_KEY}")
        return Access.with_key(data[SSH_KEY], known_hosts=data.get(KNOWN_HOSTS_KEY))
    pem = (root / found.ca_bundle).read_text(encoding="utf-8") if found.ca_bundle else None
    if isinstance(found, GithubAppConnection):
        authority = RepositoryAddress.parse(repository_of(settings, connection)).authority
        app = github_app(settings, connection, authority, data, trusted=pem)
        return Access(authority=pem, apps=(app,))
    if found.anonymous:
        return Access(authority=pem)
    header = data.get(HEADER_KEY) or _header(data.get(CONNECTION_KEY, ""))
    if header is None:
        name = secret_name(settings, connection)
        reason = f"the Secret {name} holds neither {HEADER_KEY} nor a connection with a password"
        raise GitError(Cause.UNAUTHORISED, reason)
    return Access(header=header, authority=pem)


def connection_data(settings: Settings, connection: str, secrets: SecretReader) -> Mapping[str, str]:
    """Data of a connection's Secret: what this stack will write, or what the one that exists holds."""
    found = settings.connections[connection]
    if found.existing_secret:
        data = secrets(found.existing_secret)
        if data is None:
            reason = f"the Secret {found.existing_secret} cannot be read"
            raise GitError(Cause.NO_CREDENTIALS, reason)
        return {**data, CONNECTION_KEY: data[key]} if (key := found.connection_key) in data else data
    return created_secret(settings, connection)


def github_app(
    settings: Settings, connection: str, authority: str, data: Mapping[str, str], *, trusted: str | None
) -> GithubApp:
    """The GitHub App of a connection with the private key that its Secret holds; ``trusted`` is its caBundle's content.

    Raises GitError (NO_CREDENTIALS).
    """
    found = settings.connections[connection]
    if not isinstance(found, GithubAppConnection):
        raise TypeError(f"{connection} is not a GitHub App")
    extra: Mapping[str, Any] = extra_of(parse_airflow_connection(data.get(CONNECTION_KEY, "")) or {})
    key = extra.get("private_key") or data.get(SSH_KEY)
    if not key:
        raise GitError(Cause.NO_CREDENTIALS, f"the private key of {connection} is not in this stack")
    return GithubApp(authority, found.app_id, found.installation_id, str(key), trusted)


def _header(connection: str) -> str | None:
    parsed = parse_airflow_connection(connection) or {}
    password = parsed.get("password")
    return http_header(str(parsed.get("login") or "user"), str(password)) if password else None
