"""How Git on the agents accesses the Dag repository and its submodules.

Measured against real Git servers with apache-airflow-providers-git 0.2.4 to 1.0.1 (git 2.39.5):

- A token for a submodule is passed as a path-scoped `http.<url>.extraHeader` in Git's environment configuration. This works
  with every version, for the Dag repository's host and for others, and leaves the token neither on disk nor in arguments.
  Credential helpers do not work: version 1.0.1 resets those of the Dag repository's host.
- Several deploy keys need one alias per key in an ssh configuration, because the provider passes one `-i` for all.
- The provider sets GIT_SSH_COMMAND for every connection, even over https, and that overrides `core.sshCommand`. So the Dag
  repository's connection names the ssh configuration if any submodule is fetched over SSH. A command option overrides the
  configuration, so its host key checking has to suit the host about which least is known.
- `fetch.recurseSubmodules=false`: without it the first refresh after every commit fails over SSH, because `git fetch`
  enters the submodules before the provider sets the key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from delivery.plan import EnvVar, Mount, SecretKey
from domain.address import AddressError, RepositoryAddress
from domain.connection_secret import (
    HEADER_KEY,
    KNOWN_HOSTS_KEY,
    SSH_KEY,
    airflow_connection,
    connection_variable,
)
from domain.git_variables import git_variables
from domain.names import CONFIG_MOUNT, SEEN_HOST_KEYS
from settings.connections import GithubAppConnection, HttpsConnection, SshConnection
from settings.dags import GitBundle, Submodule, airflow_connections
from settings.dbt import DbtPackage, DbtProject
from settings.stack import Settings

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


def ssh_bundle_connection(settings: Settings, bundle: GitBundle, connection: str) -> str:
    """The Airflow connection of a Dag repository over SSH: nothing in it is secret, because the key is a file."""
    address = RepositoryAddress.parse(bundle.repo)
    return airflow_connection(address.at_alias(ssh_alias(connection)), extra=ssh_options(settings))


def ssh_options(settings: Settings) -> dict[str, str]:
    """Extra of the Dag repositories' Airflow connections, whatever their type; empty if nothing is fetched over SSH.

    It is the same under both delivery options, so that switching changes no Secret.
    """
    named = [bundle.connection for bundle in settings.git_bundles]
    named += [item.connection for bundle in settings.git_bundles for item in bundle.submodules]
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
    """What the agents' containers need for Git to access every repository."""

    environment: tuple[EnvVar, ...]
    """Variables."""
    mounts: tuple[Mount, ...]
    """Files."""
    config_files: Mapping[str, str]
    """Files of the ConfigMap: name -> content."""
    connections: frozenset[str]
    """Connections whose Secrets are read."""


def git_access(settings: Settings, *, authorities: Mapping[str, str]) -> GitAccess:
    """Environment and files for the Dag repositories that agents fetch, and for the submodules that come with them.

    ``authorities`` maps connection ids to the PEM text of their certificate authority. Agents that fetch nothing with Git
    get nothing for it.
    """
    if not settings.fetched_bundles:
        return GitAccess((), (), {}, frozenset())
    repositories = list(_repositories(settings))
    used = {item.connection for item in repositories}
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


@dataclass(frozen=True)
class _Opened:
    """A repository and the connection that it is fetched with."""

    connection: str
    url: str
    spellings: tuple[str, ...] = ()
    by_airflow: bool = False
    """Whether Airflow's own connection has the credentials, so that Git's configuration needs none."""

    @property
    def address(self) -> RepositoryAddress:
        return RepositoryAddress.parse(self.url)


def _repositories(settings: Settings) -> Iterator[_Opened]:
    """Every repository that needs a connection, the Dag repositories first.

    Agents install dbt packages themselves unless these are in the image. Git fetches all registered submodules or none, so
    where it fetches them those of dbt projects need their connections even if the projects are in the image.
    """
    ids = airflow_connections(settings.git_bundles)
    for bundle in settings.fetched_bundles:
        if bundle.connection:
            own = ids[bundle.name] == bundle.connection
            yield _Opened(bundle.connection, bundle.repo, by_airflow=own)
    if settings.delivery == "git-submodule":
        for package in settings.dbt_packages:
            yield _Opened(package.connection, package.repo, package.spellings)
    fetching = [bundle for bundle in settings.fetched_bundles if settings.fetches_submodules(bundle)]
    for bundle in fetching:
        for project in settings.projects_in(bundle):
            delivered = project.submodule and (project.path or settings.delivery == "git-submodule")
            if delivered and project.connection and project.repo:
                yield _Opened(project.connection, project.repo, project.spellings)
    for bundle in fetching:
        for submodule in bundle.submodules:
            if submodule.connection:
                yield _Opened(submodule.connection, submodule.repo, submodule.spellings)


def _connection_variables(settings: Settings) -> Iterator[EnvVar]:
    """One Airflow connection per Dag repository; the credentials of those beyond the first are in Git's configuration."""
    ids = airflow_connections(settings.git_bundles)
    seen: set[str] = set()
    for bundle in settings.fetched_bundles:
        connection = ids[bundle.name]
        if connection in seen:
            continue
        seen.add(connection)
        name = connection_variable(connection)
        found = settings.connections.get(bundle.connection or "")
        if found is not None and found.backend:
            continue
        anonymous = found is None or (isinstance(found, HttpsConnection) and found.anonymous)
        if isinstance(found, SshConnection):
            yield EnvVar(name, ssh_bundle_connection(settings, bundle, str(bundle.connection)))
        elif found is None or anonymous or connection != bundle.connection:
            yield EnvVar(name, airflow_connection(bundle.repo, extra=ssh_options(settings)))
        else:
            yield EnvVar(name, SecretKey(secret_name(settings, connection), found.connection_key))


def _git_config(
    settings: Settings, repositories: list[_Opened], authorities: Mapping[str, str], *, ssh: bool
) -> Iterator[tuple[str, str | SecretKey]]:
    yield "fetch.recurseSubmodules", "false"
    if ssh:
        yield "core.sshCommand", f"ssh -F {SSH_CONFIG}"
    trusted: set[str] = set()
    for item in repositories:
        host = item.address.authority
        if item.connection in authorities and host not in trusted:
            trusted.add(host)
            yield (
                f"http.https://{host}/.sslCAInfo",
                f"{CONFIG_MOUNT}/config/{authority_file(item.connection)}",
            )
    for item in _merged([item for item in repositories if not item.by_airflow]):
        found = settings.connections[item.connection]
        if isinstance(found, SshConnection):
            yield from _ssh_rewrites(item)
        elif isinstance(found, HttpsConnection | GithubAppConnection):
            yield from _https_rewrites(item)
            if isinstance(found, HttpsConnection) and not found.anonymous and not found.backend:
                for spelling in item.address.scoped():
                    yield (
                        f"http.{spelling}.extraHeader",
                        SecretKey(secret_name(settings, item.connection), HEADER_KEY),
                    )


def _merged(repositories: list[_Opened]) -> list[_Opened]:
    """One entry per repository, however it is spelled: otherwise Git would send its header twice, which hosts refuse."""
    merged: list[_Opened] = []
    for item in repositories:
        for index, known in enumerate(merged):
            if known.connection == item.connection and known.address.same_repository(item.address):
                merged[index] = replace(known, spellings=(*known.spellings, item.url, *item.spellings))
                break
        else:
            merged.append(item)
    return merged


def spellings_of(url: str, further: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Addresses that agents rewrite to ``url`` (including ``further`` ones from the stack)."""
    texts = [text for item in (url, *further) for text in (*RepositoryAddress.parse(item).spellings(), item)]
    return tuple(dict.fromkeys(texts))


def opens(repo: str, further: tuple[str, ...], url: str) -> bool:
    """Whether agents open ``url`` with the connection of ``repo``, which has ``further`` spellings.

    A header matches by host and path, so all https spellings work; rewrites are compared character by character.
    """
    try:
        ours, theirs = RepositoryAddress.parse(repo), RepositoryAddress.parse(url)
    except AddressError:
        return False
    if ours.scheme == theirs.scheme == "https" and url not in further and ours.authority == theirs.authority:
        # Git compares the paths without dot segments, but it does not merge slashes (urlmatch.c).
        return ours.same_repository(theirs) and "//" not in url.partition("://")[2]
    return any(url == text or url.rstrip("/") == text for text in spellings_of(repo, further))


def opened_by(settings: Settings, url: str) -> tuple[str, str] | None:
    """(clone URL, connection) that the stack names for the repository at ``url``; None if it names none."""
    items: tuple[DbtProject | Submodule | DbtPackage, ...] = (
        *settings.dbt_projects,
        *(submodule for bundle in settings.git_bundles for submodule in bundle.submodules),
        *settings.dbt_packages,
    )
    for item in items:
        if item.repo and item.connection and opens(item.repo, item.spellings, url):
            return item.repo, item.connection
    return None


def authority_file(connection: str) -> str:
    """Key of the ConfigMap; an id from the secrets backend may contain characters that such a key may not."""
    if re.fullmatch(r"[a-z0-9_]+", connection):
        return f"ca-{connection}.crt"
    return f"ca-{hashlib.sha256(connection.encode()).hexdigest()[:12]}.crt"


def _https_rewrites(item: _Opened) -> Iterator[tuple[str, str]]:
    """Let a submodule with another address be fetched over https, the address that has the header."""
    target = str(item.address)
    for spelling in spellings_of(item.url, item.spellings):
        # Git itself compares the https address with the header's; a rewrite to itself would have no effect.
        if spelling not in item.address.scoped():
            yield f"url.{target}.insteadOf", spelling


def _ssh_rewrites(item: _Opened) -> Iterator[tuple[str, str]]:
    """Rewrite a submodule's address to the alias of its key, however the address is written."""
    target = item.address.at_alias(ssh_alias(item.connection))
    for spelling in spellings_of(item.url, item.spellings):
        yield f"url.{target}.insteadOf", spelling


def _ssh_config(settings: Settings, repositories: list[_Opened], ssh: list[str]) -> str:
    blocks = []
    for name in ssh:
        address = next(item.address for item in repositories if item.connection == name)
        folder = f"{CONFIG_MOUNT}/{name}"
        lines = [
            f"Host {ssh_alias(name)}",
            f"  HostName {address.host}",
            *([f"  Port {address.port}"] if address.port else []),
            f"  User {address.user or 'git'}",
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
    yield from (EnvVar(name, value) for name, value in git_variables(entries))
