"""With which credentials Git opens a repository: the stack's own view, and the view of the agents.

Nothing here runs Git or touches a file: an Access is data, which a Session puts into the environment and a private folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clients.git.errors import Cause, GitError
from clients.git.ssh_command import extra_of, ssh_arguments
from clients.github_app import GithubApp
from delivery.git_access import (
    CONNECTION_KEY,
    HEADER_KEY,
    KNOWN_HOSTS_KEY,
    SSH_KEY,
    airflow_connection,
    dags_connection,
    http_header,
    parse_remote,
    secret_name,
    spellings,
    ssh_dags_connection,
    ssh_options,
)
from delivery.plan import CONFIG_MOUNT, EnvVar, Plan, SecretKey
from settings.connections import GithubAppConnection, HttpsConnection, SshConnection
from settings.stack import Settings

SecretReader = Callable[[str], Mapping[str, str] | None]
"""Data of a Kubernetes Secret by name, decoded; None when it does not exist or may not be read."""

_OWN_SSH_CONFIG = f"""\
Host *
  IdentityFile {CONFIG_MOUNT}/{SSH_KEY}
  IdentitiesOnly yes
  UserKnownHostsFile {CONFIG_MOUNT}/{KNOWN_HOSTS_KEY}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking {{strictness}}
  BatchMode yes
  ConnectTimeout 30
"""
_AUTHORITY_FILE = "config/authority.crt"
_NO_IDENTITIES = "Host *\n  IdentityFile none\n  IdentitiesOnly yes\n  BatchMode yes\n"
"""Keeps the keys of whoever runs this program out: the agents do not have them."""


@dataclass(frozen=True)
class HostLogin:
    """User and password that a host is given when it asks."""

    authority: str
    """Host, with port when it is not the standard one."""
    login: str
    """User name."""
    password: str = field(repr=False)
    """Token or password."""


@dataclass(frozen=True)
class Access:
    """Credentials and trust for Git; paths below CONFIG_MOUNT stand for the session's private folder."""

    header: str | None = field(default=None, repr=False)
    """HTTP header that goes to the repository that is asked for, and to no other path."""
    authority: str | None = field(default=None, repr=False)
    """PEM text of the certificate authority of the host that is asked."""
    config: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Further Git configuration."""
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Files by their path below CONFIG_MOUNT."""
    logins: tuple[HostLogin, ...] = field(default=(), repr=False)
    """What a host gets when it asks for user and password."""
    apps: tuple[GithubApp, ...] = field(default=(), repr=False)
    """GitHub Apps whose tokens are minted when a session begins."""
    ssh_arguments: tuple[str, ...] = ()
    """Arguments of the ssh command, which beat its configuration."""

    @staticmethod
    def of(
        settings: Settings,
        connection: str | None,
        *,
        root: Path,
        secrets: SecretReader = lambda _: None,
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
        data = _secret_data(settings, connection, secrets)
        if isinstance(found, SshConnection):
            return _ssh_access(data)
        if isinstance(found, GithubAppConnection):
            authority = parse_remote(_opened_by(settings, connection)).authority
            return Access(apps=(_github_app(settings, connection, authority, data),))
        pem = (root / found.ca_bundle).read_text(encoding="utf-8") if found.ca_bundle else None
        if found.anonymous:
            return Access(authority=pem)
        header = data.get(HEADER_KEY) or _header(data.get(CONNECTION_KEY, ""))
        if header is None:
            raise _unusable(settings, connection)
        return Access(header=header, authority=pem)

    def secrets(self) -> tuple[str, ...]:
        """Everything that must not appear in a text."""
        hidden = [login.password for login in self.logins] + [app.private_key for app in self.apps]
        headers = [self.header] if self.header else []
        headers += [value for key, value in self.config if key.lower().endswith(".extraheader")]
        hidden += headers + [value.split()[-1] for value in headers if value.split()]
        hidden += [content for name, content in self.files.items() if name.rsplit("/", 1)[-1] == SSH_KEY]
        return tuple(item for item in hidden if item)

    def config_for(self, url: str | None) -> tuple[tuple[str, str], ...]:
        """Git configuration for a command that speaks to ``url``."""
        config = list(self.config)
        if url is not None and url.startswith("https://"):
            if self.authority is not None:
                host = f"https://{parse_remote(url).authority}/"
                config.append((f"http.{host}.sslCAInfo", f"{CONFIG_MOUNT}/{_AUTHORITY_FILE}"))
            if self.header is not None:
                config += [(f"http.{spelling}.extraHeader", self.header) for spelling in spellings(url)]
        return tuple(config)

    def all_files(self) -> dict[str, str]:
        """Every file that a session needs, by its path below CONFIG_MOUNT."""
        files = dict(self.files)
        if self.authority is not None:
            files[_AUTHORITY_FILE] = self.authority
        return {"config/ssh_config": _NO_IDENTITIES, **files}

    def without_logins(self) -> Access:
        """The same, but a host that asks for user and password gets none."""
        return replace(self, logins=(), apps=())


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


def agents_access(settings: Settings, plan: Plan, *, secrets: SecretReader = lambda _: None) -> AgentsAccess:
    """Exactly the Git configuration, files and credentials that ``plan`` gives the agents.

    The Dag repository's own connection is offered to its whole host, as apache-airflow-providers-git does since 1.0.0.
    """
    unknown: dict[str, str] = {}
    problems: dict[str, str] = {}
    owners = {secret_name(settings, name): name for name in settings.connections}

    def value_of(value: str | SecretKey) -> str | None:
        if isinstance(value, str):
            return value
        owner = owners[value.secret]
        try:
            data = _secret_data(settings, owner, secrets)
        except GitError as error:
            unknown[owner] = str(error)
            return None
        if value.key not in data:
            problems[owner] = f"has no key {value.key}"
        return data.get(value.key)

    config = tuple(
        (key, value) for key, raw in git_config(plan.environment) if (value := value_of(raw)) is not None
    )
    files = {f"config/{name}": content for name, content in plan.config_files.items()}
    for mount in plan.mounts:
        if mount.secret in owners:
            owner = owners[mount.secret]
            try:
                data = _secret_data(settings, owner, secrets)
            except GitError as error:
                unknown[owner] = str(error)
                continue
            if SSH_KEY not in data:
                problems[owner] = f"has no key {SSH_KEY}"
            folder = mount.path.removeprefix(f"{CONFIG_MOUNT}/")
            files |= {f"{folder}/{key}": content for key, content in data.items()}
    files["config/ssh_config"] = files.get("config/ssh_config", "") + "\n" + _NO_IDENTITIES

    connection = dags_connection(settings)
    url = settings.dags.repo
    logins: tuple[HostLogin, ...] = ()
    apps: tuple[GithubApp, ...] = ()
    found = settings.connections.get(connection)
    if found is not None and found.backend:
        unknown[connection] = "the secrets backend holds it"
    elif isinstance(found, SshConnection):
        url = json.loads(ssh_dags_connection(settings, connection))["host"]
    elif found is not None and not (isinstance(found, HttpsConnection) and found.anonymous):
        try:
            data = _secret_data(settings, connection, secrets)
            url, logins, apps = _dags_login(settings, connection, data)
        except GitError as error:
            (unknown if error.cause is Cause.NO_CREDENTIALS else problems)[connection] = str(error)
    arguments: tuple[str, ...] = ()
    if "ssh_config" in plan.config_files and connection not in unknown and connection not in problems:
        try:
            arguments = _ssh_arguments(settings, connection, secrets)
        except GitError as error:
            problems[connection] = str(error)
    access = Access(config=config, files=files, logins=logins, apps=apps, ssh_arguments=arguments)
    return AgentsAccess(access=access, dags_url=url, unknown=unknown, problems=problems)


def _ssh_arguments(settings: Settings, connection: str, secrets: SecretReader) -> tuple[str, ...]:
    """Arguments of the agents' ssh, which come from the Dag repository's connection for submodules too."""
    found = settings.connections.get(connection)
    if isinstance(found, GithubAppConnection):
        return ()
    if isinstance(found, HttpsConnection) and found.existing_secret:
        data = _secret_data(settings, connection, secrets)
        return ssh_arguments(extra_of(_airflow_connection(data.get(CONNECTION_KEY, "")) or {}))
    return ssh_arguments(ssh_options(settings))


def git_config(environment: tuple[EnvVar, ...]) -> list[tuple[str, str | SecretKey]]:
    """Git configuration that an environment carries in GIT_CONFIG_COUNT, KEY_n and VALUE_n."""
    values = {item.name: item.value for item in environment}
    count = int(str(values.get("GIT_CONFIG_COUNT", "0")))
    return [(str(values[f"GIT_CONFIG_KEY_{n}"]), values[f"GIT_CONFIG_VALUE_{n}"]) for n in range(count)]


def _secret_data(settings: Settings, connection: str, secrets: SecretReader) -> Mapping[str, str]:
    """Keys of a connection's Secret: those that this stack will write, or those of the one that exists."""
    found = settings.connections[connection]
    if found.existing_secret:
        data = secrets(found.existing_secret)
        if data is None:
            reason = f"the Secret {found.existing_secret} cannot be read"
            raise GitError(Cause.NO_CREDENTIALS, reason)
        return data
    if isinstance(found, HttpsConnection):
        password = settings.password_of(connection)
        if password is None:
            return {}
        return {
            HEADER_KEY: http_header(found.login, password),
            CONNECTION_KEY: airflow_connection(settings.dags.repo, login=found.login, password=password),
        }
    key = settings.private_key_of(connection) or ""
    if isinstance(found, GithubAppConnection):
        extra = {
            "github_app_id": found.app_id,
            "github_installation_id": found.installation_id,
            "private_key": key,
        }
        return {CONNECTION_KEY: airflow_connection(settings.dags.repo, extra=extra)}
    known = {KNOWN_HOSTS_KEY: found.known_hosts.strip() + "\n"} if found.known_hosts else {}
    return {SSH_KEY: key, **known}


def _ssh_access(data: Mapping[str, str]) -> Access:
    if SSH_KEY not in data:
        raise GitError(Cause.UNAUTHORISED, f"the connection's Secret has no key {SSH_KEY}")
    known = data.get(KNOWN_HOSTS_KEY, "").strip()
    config = _OWN_SSH_CONFIG.format(strictness="yes" if known else "accept-new")
    files = {"config/ssh_config": config, SSH_KEY: data[SSH_KEY]}
    if known:
        files[KNOWN_HOSTS_KEY] = known + "\n"
    return Access(files=files)


def _opened_by(settings: Settings, connection: str) -> str:
    """A clone URL that the connection opens."""
    uses = [(settings.dags.connection, settings.dags.repo)]
    uses += [(project.connection, project.repo or "") for project in settings.dbt_projects]
    uses += [(submodule.connection, submodule.repo) for submodule in settings.dags.submodules]
    return next((url for name, url in uses if name == connection and url), settings.dags.repo)


def _dags_login(
    settings: Settings, connection: str, data: Mapping[str, str]
) -> tuple[str, tuple[HostLogin, ...], tuple[GithubApp, ...]]:
    """(clone URL, logins, apps) of the Airflow connection in the Dag repository's Secret."""
    name = secret_name(settings, connection)
    if CONNECTION_KEY not in data:
        raise GitError(Cause.OTHER, f"has no key {CONNECTION_KEY}")
    parsed = _airflow_connection(data[CONNECTION_KEY])
    if parsed is None:
        reason = f"the connection in the Secret {name} is not written as JSON"
        raise GitError(Cause.NO_CREDENTIALS, reason)
    url = str(parsed.get("host") or "")
    if not url.startswith("https://"):
        raise GitError(Cause.OTHER, "holds a connection whose host is not an https clone URL")
    authority = parse_remote(url).authority
    if isinstance(settings.connections[connection], GithubAppConnection):
        return url, (), (_github_app(settings, connection, authority, data),)
    password = parsed.get("password")
    if not password:
        raise GitError(Cause.OTHER, "holds a connection without password")
    login = HostLogin(authority, str(parsed.get("login") or "user"), str(password))
    return url, (login,), ()


def _github_app(settings: Settings, connection: str, authority: str, data: Mapping[str, str]) -> GithubApp:
    found = settings.connections[connection]
    if not isinstance(found, GithubAppConnection):
        raise TypeError(f"{connection} is no GitHub App")
    extra = extra_of(_airflow_connection(data.get(CONNECTION_KEY, "")) or {})
    key = extra.get("private_key") or data.get(SSH_KEY)
    if not key:
        raise GitError(Cause.NO_CREDENTIALS, f"the private key of {connection} is not in this stack")
    return GithubApp(authority, found.app_id, found.installation_id, str(key))


def _airflow_connection(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _header(connection: str) -> str | None:
    parsed = _airflow_connection(connection) or {}
    password = parsed.get("password")
    return http_header(str(parsed.get("login") or "user"), str(password)) if password else None


def _unusable(settings: Settings, connection: str) -> GitError:
    name = secret_name(settings, connection)
    reason = f"the Secret {name} holds neither {HEADER_KEY} nor a connection with a password"
    return GitError(Cause.UNAUTHORISED, reason)
