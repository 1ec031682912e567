"""What Git on the agents will have: exactly the configuration, files and credentials that the plan gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from clients.errors import Cause
from clients.git import Access, GitError
from clients.git.access import NO_IDENTITIES, HostLogin
from clients.git.github_app import GithubApp
from delivery.git_access import (
    authority_file,
    secret_name,
    ssh_bundle_connection,
    ssh_options,
)
from delivery.plan import EnvVar, Plan, SecretKey
from domain.address import AddressError, RepositoryAddress
from domain.connection_secret import CONNECTION_KEY, SSH_KEY, extra_of, parse_airflow_connection
from domain.git_variables import git_entries
from domain.names import CONFIG_MOUNT
from preflight.connection import SecretReader, connection_data, github_app
from preflight.ssh_command import ssh_arguments
from settings.connections import GithubAppConnection, HttpsConnection, SshConnection
from settings.dags import ANONYMOUS, GitBundle, airflow_connections
from settings.stack import Settings


@dataclass(frozen=True)
class AgentsAccess:
    """What Git on the agents will have, as far as this stack can know it."""

    access: Access
    """The credentials."""
    dags_url: str
    """Clone URL of the Dag repository as the agents write it (an alias, over SSH)."""
    unknown: Mapping[str, str]
    """Connection id -> why its credentials are not known here."""
    problems: Mapping[str, str]
    """Connection id -> what is wrong with the Secret that exists."""


def agents_access(
    settings: Settings, plan: Plan, bundle: GitBundle, *, secrets: SecretReader = lambda _: None
) -> AgentsAccess:
    """What ``plan`` gives Git on the agents when it fetches ``bundle``; ``secrets`` reads existing Secrets.

    The Dag repository's own connection is offered to its whole host, as apache-airflow-providers-git does since 1.0.0.
    """
    view = _View(settings, plan, bundle, secrets)
    config, files = view.config(), view.files()
    url, logins, apps = view.dags()
    access = Access(config=config, files=files, logins=logins, apps=apps, ssh_arguments=view.ssh_arguments())
    return AgentsAccess(access=access, dags_url=url, unknown=view.unknown, problems=view.problems)


_Dags = tuple[str, tuple[HostLogin, ...], tuple[GithubApp, ...]]
"""(clone URL, logins, apps) of the Dag repository."""


@dataclass
class _View:
    settings: Settings
    plan: Plan
    bundle: GitBundle
    secrets: SecretReader
    unknown: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.owners = {secret_name(self.settings, name): name for name in self.settings.connections}
        self.connection = self.bundle.connection or ANONYMOUS
        ids = airflow_connections(self.settings.git_bundles)
        self.by_airflow = ids[self.bundle.name] == self.connection

    def _data(self, connection: str) -> Mapping[str, str] | None:
        """Data of a connection's Secret; None when it is not known, with the reason in `unknown`."""
        try:
            return connection_data(self.settings, connection, self.secrets)
        except GitError as error:
            self.unknown[connection] = str(error)
            return None

    def config(self) -> tuple[tuple[str, str], ...]:
        found = ((key, self._value(raw)) for key, raw in git_config(self.plan.environment))
        return tuple((key, value) for key, value in found if value is not None)

    def _value(self, value: str | SecretKey) -> str | None:
        if isinstance(value, str):
            return value
        owner = self.owners[value.secret]
        data = self._data(owner)
        if data is None:
            return None
        if value.key not in data:
            self.problems[owner] = f"has no key {value.key}"
        return data.get(value.key)

    def files(self) -> dict[str, str]:
        files = {f"config/{name}": content for name, content in self.plan.config_files.items()}
        for mount in self.plan.mounts:
            owner = self.owners.get(mount.secret or "")
            data = self._data(owner) if owner else None
            if owner is None or data is None:
                continue
            if SSH_KEY not in data:
                self.problems[owner] = f"has no key {SSH_KEY}"
            folder = mount.path.removeprefix(f"{CONFIG_MOUNT}/")
            files |= {f"{folder}/{key}": content for key, content in data.items()}
        files["config/ssh_config"] = files.get("config/ssh_config", "") + "\n" + NO_IDENTITIES
        return files

    def dags(self) -> _Dags:
        settings, name = self.settings, self.connection
        nothing: _Dags = (self.bundle.repo, (), ())
        found = settings.connections.get(self.bundle.connection or "")
        if found is None or (isinstance(found, HttpsConnection) and found.anonymous and not found.backend):
            return nothing
        if found.backend:
            self.unknown[name] = "the secrets backend holds it"
            return nothing
        if isinstance(found, SshConnection):
            return (json.loads(ssh_bundle_connection(settings, self.bundle, name))["host"], (), ())
        if not self.by_airflow:
            return nothing  # Git's configuration has the credentials
        data = self._data(name)
        if data is None:
            return nothing
        try:
            trusted = self.plan.config_files.get(authority_file(name))
            return _dags_login(settings, name, data, trusted=trusted)
        except GitError as error:
            where = self.unknown if error.cause is Cause.NO_CREDENTIALS else self.problems
            where[name] = str(error)
            return nothing

    def ssh_arguments(self) -> tuple[str, ...]:
        """Arguments of the agents' ssh, which come from the Dag repository's connection for submodules too."""
        name = self.connection
        found = self.settings.connections.get(self.bundle.connection or "")
        if "ssh_config" not in self.plan.config_files or name in self.unknown or name in self.problems:
            return ()
        # Without options, the provider fetches nothing over SSH: `dbt deps` needs none of them.
        if isinstance(found, GithubAppConnection) or not ssh_options(self.settings):
            return ()
        try:
            if self.by_airflow and isinstance(found, HttpsConnection) and found.existing_secret:
                data = connection_data(self.settings, name, self.secrets)
                connection = parse_airflow_connection(data.get(CONNECTION_KEY, "")) or {}
                return ssh_arguments(extra_of(connection))
            return ssh_arguments(ssh_options(self.settings))
        except GitError as error:
            self.problems[name] = str(error)
            return ()


def git_config(environment: tuple[EnvVar, ...]) -> list[tuple[str, str | SecretKey]]:
    """Git configuration that an environment carries."""
    return git_entries({item.name: item.value for item in environment})


def _dags_login(
    settings: Settings, connection: str, data: Mapping[str, str], *, trusted: str | None
) -> _Dags:
    """What the Airflow connection in the Dag repository's Secret opens."""
    name = secret_name(settings, connection)
    if CONNECTION_KEY not in data:
        raise GitError(Cause.OTHER, f"has no key {CONNECTION_KEY}")
    parsed = parse_airflow_connection(data[CONNECTION_KEY])
    if parsed is None:
        reason = f"the connection in the Secret {name} is not written as JSON"
        raise GitError(Cause.NO_CREDENTIALS, reason)
    url = str(parsed.get("host") or "")
    if not url.startswith("https://"):
        raise GitError(Cause.OTHER, "holds a connection whose host is not an https clone URL")
    try:
        authority = RepositoryAddress.parse(url).authority
    except AddressError as error:
        raise GitError(Cause.OTHER, f"holds a connection whose host {error}") from None
    if isinstance(settings.connections[connection], GithubAppConnection):
        return url, (), (github_app(settings, connection, authority, data, trusted=trusted),)
    password = parsed.get("password")
    if not password:
        raise GitError(Cause.OTHER, "holds a connection without password")
    login = HostLogin(authority, str(parsed.get("login") or "user"), str(password))
    return url, (login,), ()
