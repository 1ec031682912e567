"""GitConnections: the Secrets with which agents open Git repositories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_kubernetes as kubernetes

from delivery.git_access import (
    CONNECTION_KEY,
    HEADER_KEY,
    KNOWN_HOSTS_KEY,
    SSH_KEY,
    airflow_connection,
    http_header,
)
from domain.fingerprint import fingerprint
from domain.names import FORCE_PATCH


@dataclass(frozen=True, kw_only=True)
class HttpsCredentials:
    """A token for https."""

    url: str
    """Clone URL of the repository; Airflow's Git hook reads it as the connection's host."""
    login: str
    """User name that goes with the token."""
    password: pulumi.Input[str]
    """The token."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Extra of the Airflow connection: the ssh options of a Dag repository whose submodules are opened by SSH."""

    def secret_data(self) -> dict[str, pulumi.Output[str]]:
        """Content of the connection's Secret."""
        password = pulumi.Output.secret(self.password)
        connection = password.apply(
            lambda text: airflow_connection(self.url, login=self.login, password=text, extra=self.extra)
        )
        return {
            CONNECTION_KEY: connection,
            HEADER_KEY: password.apply(lambda text: http_header(self.login, text)),
        }


@dataclass(frozen=True, kw_only=True)
class SshCredentials:
    """A deploy key."""

    private_key: pulumi.Input[str]
    """Private key without passphrase, with a newline at its end."""
    known_hosts: str | None = None
    """Lines of a known_hosts file."""

    def secret_data(self) -> dict[str, pulumi.Output[str]]:
        """Content of the connection's Secret."""
        data = {SSH_KEY: pulumi.Output.secret(self.private_key)}
        if self.known_hosts:
            data[KNOWN_HOSTS_KEY] = pulumi.Output.from_input(self.known_hosts.strip() + "\n")
        return data


@dataclass(frozen=True, kw_only=True)
class GithubAppCredentials:
    """A GitHub App installation."""

    url: str
    """Clone URL of the repository."""
    app_id: int
    """App id."""
    installation_id: int
    """Installation id."""
    private_key: pulumi.Input[str]
    """Private key of the app."""

    def secret_data(self) -> dict[str, pulumi.Output[str]]:
        """Content of the connection's Secret."""
        return {CONNECTION_KEY: pulumi.Output.secret(self.private_key).apply(self._connection)}

    def _connection(self, private_key: str) -> str:
        extra = {
            "github_app_id": str(self.app_id),
            "github_installation_id": str(self.installation_id),
            "private_key": private_key,
        }
        return airflow_connection(self.url, extra=extra)


GitCredentials = HttpsCredentials | SshCredentials | GithubAppCredentials
"""What opens a Git host."""


class GitConnections(pulumi.ComponentResource):
    """One Kubernetes Secret per connection, and the ConfigMap with what Git and ssh need that is not secret.

    Secrets are always made, whichever option is active, so that switching the option leaves them alone.
    """

    secrets: Mapping[str, kubernetes.core.v1.Secret]
    """Connection id -> Secret."""
    config_map: kubernetes.core.v1.ConfigMap | None
    """Files for Git and ssh, when there are any."""
    fingerprints: Mapping[str, pulumi.Output[str]]
    """Connection id -> mark that changes with the credentials."""

    def __init__(
        self,
        resource_name: str,
        *,
        namespace: pulumi.Input[str],
        connections: Mapping[str, GitCredentials],
        secret_names: Mapping[str, str],
        config_map_name: str,
        config_files: Mapping[str, str],
        protect: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the Secrets.

        ``secret_names`` names the Secret of every id in ``connections``; ``config_files`` maps file names to contents, and
        with none the ConfigMap is not made.
        """
        super().__init__("astro-dbt:components:GitConnections", resource_name, None, opts)
        self.secrets, self.fingerprints = {}, {}
        for connection, credentials in sorted(connections.items()):
            data = credentials.secret_data()
            self.secrets[connection] = kubernetes.core.v1.Secret(
                f"{resource_name}-{connection}",
                metadata={
                    "name": secret_names[connection],
                    "namespace": namespace,
                    "annotations": FORCE_PATCH,
                },
                string_data=data,
                opts=pulumi.ResourceOptions(parent=self, protect=protect),
            )
            self.fingerprints[connection] = _mark(data, salt=secret_names[connection])
        self.config_map = None
        if config_files:
            self.config_map = kubernetes.core.v1.ConfigMap(
                f"{resource_name}-config",
                metadata={"name": config_map_name, "namespace": namespace, "annotations": FORCE_PATCH},
                data=dict(config_files),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs(
            {"secrets": {name: item.metadata["name"] for name, item in self.secrets.items()}}
        )


def _mark(data: Mapping[str, pulumi.Output[str]], *, salt: str) -> pulumi.Output[str]:
    marked = pulumi.Output.all(**data).apply(lambda values: fingerprint(values, salt=salt))
    return pulumi.Output.unsecret(marked)
