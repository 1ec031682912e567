"""How Git on the agents opens the Dag repository and its submodules.

Measured against real Git servers with apache-airflow-providers-git 0.2.4 to 1.0.1 (git 2.39.5):

- A token for a submodule travels as a path-scoped `http.<url>.extraHeader` in Git's environment configuration. It works on
  every version, for the Dag repository's own host and for others, and leaves the token neither on disk nor in arguments.
  Credential helpers do not: version 1.0.1 resets those of the Dag repository's host.
- Several deploy keys need one alias per key in an ssh configuration, because the provider passes one `-i` for all.
- The provider sets GIT_SSH_COMMAND for every connection, also for one over https, and that beats `core.sshCommand`. So the
  connection of the Dag repository names the ssh configuration as soon as a submodule is opened by SSH, and its host key
  checking is that of the least known host, because an option of the command beats the configuration.
- `fetch.recurseSubmodules=false`: without it the first refresh after every commit fails over SSH, because `git fetch`
  enters the submodules before the provider sets the key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from delivery.plan import EnvVar, Mount, SecretKey
from domain.connection_secret import CONNECTION_KEY, HEADER_KEY, KNOWN_HOSTS_KEY, SSH_KEY, airflow_connection
from domain.names import CONFIG_MOUNT, SEEN_HOST_KEYS
from domain.remote import parse_remote, spellings
from settings.connections import GithubAppConnection, HttpsConnection, SshConnection
from settings.stack import Settings

ANONYMOUS = "dags"
"""Id of the connection without credentials that is made for a public Dag repository."""

SSH_CONFIG = f"{CONFIG_MOUNT}/config/ssh_config"


def secret_name(settings: Settings, connection: str) -> str:
    """Name of the Secret that holds a connection."""
    existing = (
        settings.connections[connection].existing_secret if connection in settings.connections else None
    )
    return existing or f"{settings.agent.prefix}-git-{connection.replace('_', '-')}"


def config_map_name(settings: Settings) -> str:
    """Name of the ConfigMap with ssh configuration and certificate authorities."""
    return f"{settings.agent.prefix}-git"


def ssh_alias(connection: str) -> str:
    """Host alias of a deploy key in the ssh configuration."""
    return f"astro-dbt-{connection.replace('_', '-')}"


def dags_connection(settings: Settings) -> str:
    """Id of the connection that the bundle uses."""
    return settings.dags.connection or ANONYMOUS


def ssh_dags_connection(settings: Settings, connection: str) -> str:
    """The Airflow connection of a Dag repository over SSH: nothing in it is secret, the key is a file."""
    remote = parse_remote(settings.dags.repo)
    return airflow_connection(
        f"{remote.user or 'git'}@{ssh_alias(connection)}:{remote.path}", extra=ssh_options(settings)
    )


def ssh_options(settings: Settings) -> dict[str, str]:
    """Extra of the Dag repository's Airflow connection, whatever its type; empty when nothing is opened by SSH.

    It is the same under every delivery option, so that switching changes no Secret.
    """
    named = [settings.dags.connection, *(item.connection for item in settings.dags.submodules)]
    named += [project.connection for project in settings.dbt_projects if project.submodule]
    opened = {name for name in named if name and isinstance(settings.connections[name], SshConnection)}
    if not opened:
        return {}
    strict = all(_strictness(settings, name) == "yes" for name in opened)
    return {
        "ssh_config_file": SSH_CONFIG,
        "strict_host_key_checking": "yes" if strict else "accept-new",
    }


def _strictness(settings: Settings, connection: str) -> str:
    found = settings.connections[connection]
    return "yes" if isinstance(found, SshConnection) and found.known_hosts else "accept-new"


@dataclass(frozen=True)
class GitAccess:
    """What the agents' containers need so that Git can open every repository."""

    environment: tuple[EnvVar, ...]
    """Variables."""
    mounts: tuple[Mount, ...]
    """Files."""
    config_files: Mapping[str, str]
    """Files of the ConfigMap: name -> content."""
    connections: frozenset[str]
    """Connections whose Secrets are read."""


def git_access(settings: Settings, *, authorities: Mapping[str, str], submodules: bool) -> GitAccess:
    """Work out the environment and files for the Dag repository and, with ``submodules``, for what lies below it.

    ``authorities`` maps connection ids to the PEM text of their certificate authority.
    """
    repositories = list(_repositories(settings, submodules=submodules))
    used = {connection for connection, _ in repositories}
    ssh = sorted(name for name in used if isinstance(settings.connections.get(name), SshConnection))
    entries = list(_git_config(settings, repositories, authorities, ssh=bool(ssh)))
    files = {authority_file(name): authorities[name] for name in sorted(used & set(authorities))}
    if ssh:
        files["ssh_config"] = _ssh_config(settings, repositories, ssh)
    mounts = [
        Mount(
            name=f"git-{name.replace('_', '-')}",
            path=f"{CONFIG_MOUNT}/{name}",
            secret=secret_name(settings, name),
        )
        for name in ssh
    ]
    if files:
        mounts.append(
            Mount(name="git-config", path=f"{CONFIG_MOUNT}/config", config_map=config_map_name(settings))
        )
    environment = [
        *_connection_variables(settings),
        EnvVar("GIT_TERMINAL_PROMPT", "0"),
        *_as_environment(entries),
    ]
    read = {name for name in used if name in settings.connections and not settings.connections[name].backend}
    return GitAccess(tuple(environment), tuple(mounts), files, frozenset(read))


def _repositories(settings: Settings, *, submodules: bool) -> Iterator[tuple[str, str]]:
    """(connection, clone URL) of every repository that needs one, the Dag repository first."""
    if settings.dags.connection:
        yield settings.dags.connection, settings.dags.repo
    if not submodules:
        return
    for project in settings.projects_delivered_as_submodules:
        if project.connection and project.repo:
            yield project.connection, project.repo
    for submodule in settings.dags.submodules:
        yield submodule.connection, submodule.repo


def _connection_variables(settings: Settings) -> Iterator[EnvVar]:
    connection = dags_connection(settings)
    name = f"AIRFLOW_CONN_{connection.upper()}"
    found = settings.connections.get(connection)
    if found is None or (isinstance(found, HttpsConnection) and found.anonymous):
        yield EnvVar(name, airflow_connection(settings.dags.repo, extra=ssh_options(settings)))
    elif isinstance(found, SshConnection) and not found.backend:
        yield EnvVar(name, ssh_dags_connection(settings, connection))
    elif not found.backend:
        yield EnvVar(name, SecretKey(secret_name(settings, connection), CONNECTION_KEY))


def _git_config(
    settings: Settings, repositories: list[tuple[str, str]], authorities: Mapping[str, str], *, ssh: bool
) -> Iterator[tuple[str, str | SecretKey]]:
    yield "fetch.recurseSubmodules", "false"
    if ssh:
        yield "core.sshCommand", f"ssh -F {SSH_CONFIG}"
    trusted: set[str] = set()
    for connection, url in repositories:
        remote = parse_remote(url)
        if connection in authorities and remote.authority not in trusted:
            trusted.add(remote.authority)
            yield (
                f"http.https://{remote.authority}/.sslCAInfo",
                f"{CONFIG_MOUNT}/config/{authority_file(connection)}",
            )
    for connection, url in dict.fromkeys(repositories[1 if settings.dags.connection else 0 :]):
        found = settings.connections[connection]
        if isinstance(found, SshConnection):
            yield from _ssh_rewrites(connection, url)
        elif isinstance(found, HttpsConnection | GithubAppConnection):
            yield from _https_rewrites(url)
            if isinstance(found, HttpsConnection) and not found.anonymous and not found.backend:
                for spelling in spellings(parse_remote(url).https_url()):
                    yield (
                        f"http.{spelling}.extraHeader",
                        SecretKey(secret_name(settings, connection), HEADER_KEY),
                    )


def authority_file(connection: str) -> str:
    """Key of the ConfigMap; an id of the secrets backend may hold what such a key may not."""
    if re.fullmatch(r"[a-z0-9_]+", connection):
        return f"ca-{connection}.crt"
    return f"ca-{hashlib.sha256(connection.encode()).hexdigest()[:12]}.crt"


def _https_rewrites(url: str) -> Iterator[tuple[str, str]]:
    """Let a submodule registered by an SSH address be fetched over https."""
    remote = parse_remote(url)
    for spelling in remote.ssh_spellings():
        yield f"url.{remote.https_url()}.insteadOf", spelling


def _ssh_rewrites(connection: str, url: str) -> Iterator[tuple[str, str]]:
    """Send a submodule to the alias of its own key, whichever way its URL is written."""
    remote = parse_remote(url)
    target = f"{remote.user or 'git'}@{ssh_alias(connection)}:{remote.path}"
    for spelling in (*remote.ssh_spellings(), f"https://{remote.host}/{remote.path}"):
        yield f"url.{target}.insteadOf", spelling


def _ssh_config(settings: Settings, repositories: list[tuple[str, str]], ssh: list[str]) -> str:
    blocks = []
    for name in ssh:
        remote = parse_remote(next(url for connection, url in repositories if connection == name))
        folder = f"{CONFIG_MOUNT}/{name}"
        lines = [
            f"Host {ssh_alias(name)}",
            f"  HostName {remote.host}",
            *([f"  Port {remote.port}"] if remote.port else []),
            f"  User {remote.user or 'git'}",
            f"  IdentityFile {folder}/{SSH_KEY}",
            "  IdentitiesOnly yes",
            f"  UserKnownHostsFile {folder}/{KNOWN_HOSTS_KEY} {SEEN_HOST_KEYS}",
            f"  StrictHostKeyChecking {_strictness(settings, name)}",
            "  BatchMode yes",
            "  ConnectTimeout 30",
        ]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _as_environment(entries: list[tuple[str, str | SecretKey]]) -> Iterator[EnvVar]:
    """Git's configuration by environment (git 2.31 or later); a count above the keys would fail every Git command."""
    yield EnvVar("GIT_CONFIG_COUNT", str(len(entries)))
    for index, (key, value) in enumerate(entries):
        yield EnvVar(f"GIT_CONFIG_KEY_{index}", key)
        yield EnvVar(f"GIT_CONFIG_VALUE_{index}", value)
