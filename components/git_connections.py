"""GitConnections: the Secrets with which agents access Git repositories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

import pulumi

from components.cluster_objects import ConfigMap, Secret
from components.marks import mark
from domain.connection_secret import github_app_secret, https_secret, ssh_secret
from domain.names import FORCE_PATCH, GIT_CONNECTIONS


@dataclass(frozen=True, kw_only=True)
class HttpsCredentials:
    """A token for https."""

    url: str
    """Clone URL of the repository; Airflow's Git hook reads it as the connection's host."""
    login: str
    """User name for the token."""
    password: pulumi.Input[str]
    """The token."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Extra of the Airflow connection: the ssh options of a Dag repository whose submodules are fetched over SSH."""

    def secret_data(self) -> dict[str, pulumi.Output[str]]:
        """Content of the connection's Secret."""
        return _secret_data(
            self.password,
            lambda text: https_secret(self.url, login=self.login, password=text, extra=self.extra),
        )


@dataclass(frozen=True, kw_only=True)
class SshCredentials:
    """A deploy key."""

    private_key: pulumi.Input[str]
    """Private key without passphrase, ending in a newline."""
    known_hosts: str | None = None
    """Lines of a known_hosts file."""

    def secret_data(self) -> dict[str, pulumi.Output[str]]:
        """Content of the connection's Secret."""
        return _secret_data(self.private_key, lambda text: ssh_secret(text, known_hosts=self.known_hosts))


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
        return _secret_data(
            self.private_key,
            lambda text: github_app_secret(
                self.url, app_id=self.app_id, installation_id=self.installation_id, private_key=text
            ),
        )


GitCredentials = HttpsCredentials | SshCredentials | GithubAppCredentials
"""Credentials for a Git host."""


@dataclass(frozen=True, kw_only=True)
class GitConnectionsArgs:
    """Which connections to store, and where."""

    namespace: pulumi.Input[str]
    """Namespace of the agents."""
    connections: Mapping[str, GitCredentials]
    """Connection id -> credentials for its Git host."""
    secret_names: Mapping[str, str]
    """Connection id -> name of its Secret, for every id in ``connections``."""
    config_map_name: str
    """Name of the ConfigMap."""
    config_files: Mapping[str, str]
    """File name -> content; if empty, no ConfigMap is created."""
    protect: bool = False
    """Whether Pulumi refuses to delete the Secrets."""


class GitConnections(pulumi.ComponentResource):
    """One Kubernetes Secret per connection, and a ConfigMap with the files for Git and ssh that are not secret.

    The Secrets are created under either option, so that switching does not touch them.
    """

    secrets: Mapping[str, Secret]
    """Connection id -> Secret."""
    config_map: ConfigMap | None
    """Files for Git and ssh; None if there are none."""
    fingerprints: Mapping[str, pulumi.Output[str]]
    """Connection id -> mark that changes with the credentials."""

    def __init__(
        self, resource_name: str, args: GitConnectionsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Create the Secrets."""
        super().__init__(GIT_CONNECTIONS, resource_name, None, opts)
        self.secrets, self.fingerprints = {}, {}
        for connection, credentials in sorted(args.connections.items()):
            data = credentials.secret_data()
            self.secrets[connection] = Secret(
                f"{resource_name}-{connection}",
                metadata={
                    "name": args.secret_names[connection],
                    "namespace": args.namespace,
                    "annotations": FORCE_PATCH,
                },
                string_data=data,
                opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
            )
            self.fingerprints[connection] = mark(data, salt=args.secret_names[connection])
        self.config_map = None
        if args.config_files:
            self.config_map = ConfigMap(
                f"{resource_name}-config",
                metadata={
                    "name": args.config_map_name,
                    "namespace": args.namespace,
                    "annotations": FORCE_PATCH,
                },
                data=dict(args.config_files),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs(
            {"secrets": {name: item.metadata["name"] for name, item in self.secrets.items()}}
        )


def _secret_data(
    secret: pulumi.Input[str], data: Callable[[str], Mapping[str, str]]
) -> dict[str, pulumi.Output[str]]:
    """Data of a Secret, computed from one secret text; its keys do not depend on that text."""
    held = pulumi.Output.secret(secret).apply(data)
    return {key: held.apply(itemgetter(key)) for key in data("")}
