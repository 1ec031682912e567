"""Advice on settings that work but could be better, or that depend on something outside the stack: one sentence each.

The versions were measured (docs/delivery.md). The provider's version is known only if the packages of the image pin it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from delivery.git_access import SSH_CONFIG, ssh_options
from delivery.withheld import kept_back
from domain.address import RepositoryAddress
from domain.requirements import Version, pinned
from settings.connections import Connection, GithubAppConnection, HttpsConnection, SshConnection
from settings.dags import airflow_connections
from settings.stack import Settings

PROVIDER = "apache-airflow-providers-git"
SAFE = (1, 0, 0)
"""First version that keeps tokens out of clone URLs."""
SSH_SUBMODULES = (0, 4, 2)
"""First version that passes its ssh options on to submodules."""
GITHUB_APPS = (0, 5, 0)
"""First version that supports GitHub Apps."""
SUBMODULES = (0, 2, 0)
"""First version that supports submodules."""

NEWEST_KNOWN = (1, 0, 1)
"""Newest version whose arguments are known (source read of 0.2.0 to 1.0.1)."""
ARGUMENTS: Mapping[str, Version] = {
    "prune_dotgit_folder": (0, 2, 0),
    "sparse_dirs": (0, 4, 0),
    "view_url_template": (0, 2, 0),
}
"""Argument of GitDagBundle that a stack may pass on -> first version that takes it."""

GITHUB = "github.com"
"""The only host from which the provider requests tokens of a GitHub App (source read and run with 0.5.0 and 1.0.1)."""


@dataclass(frozen=True)
class Shortcoming:
    """A shortcoming of an old provider that matters to a stack."""

    version: str
    """Version of the provider."""
    what: str
    """The shortcoming, after "which"."""
    better: str
    """First version without it."""


def advice(settings: Settings) -> tuple[str, ...]:
    """Sentences for the user, without a full stop; each names the stack key, what is wrong and what to write."""
    return (
        *_provider(settings),
        *_app_elsewhere(settings),
        *_app_trust(settings),
        *_connection_elsewhere(settings),
        *_withheld(settings),
    )


def provider_shortcomings(settings: Settings, packages: Sequence[str]) -> Iterator[Shortcoming]:
    """Shortcomings, for this stack, of the Git provider that ``packages`` pin."""
    version = pinned(packages, PROVIDER)
    if version is None:
        return
    found, safe = version_text(version), version_text(SAFE)
    used = [settings.connections[name] for name in _used(settings)]
    if version < SUBMODULES and any(map(settings.fetches_submodules, settings.fetched_bundles)):
        yield Shortcoming(found, "does not fetch submodules", safe)
    elif version < SSH_SUBMODULES and any(isinstance(item, SshConnection) for item in used):
        yield Shortcoming(found, "does not fetch submodules over SSH", safe)
    if version < GITHUB_APPS and any(isinstance(item, GithubAppConnection) for item in used):
        yield Shortcoming(found, "does not support GitHub Apps", safe)
    for name, dags in _opened_by_airflow(settings):
        if version < SAFE and (
            isinstance(dags, GithubAppConnection)
            or (isinstance(dags, HttpsConnection) and not dags.anonymous)
        ):
            what = f"leaves the token of connections.{name} on the agents' disks and in process arguments"
            yield Shortcoming(found, what, safe)


def _opened_by_airflow(settings: Settings) -> Iterator[tuple[str, Connection]]:
    """Connections of the stack that are Airflow connections of a Dag repository."""
    ids = airflow_connections(settings.git_bundles)
    names = {
        bundle.connection: None
        for bundle in settings.fetched_bundles
        if ids[bundle.name] == bundle.connection
    }
    yield from ((name, settings.connections[name]) for name in names if name)


def _provider(settings: Settings) -> Iterator[str]:
    for item in provider_shortcomings(settings, settings.image.packages if settings.image else ()):
        yield f"image.packages pins {PROVIDER} {item.version}, which {item.what}; pin {item.better} or later"


def _app_elsewhere(settings: Settings) -> Iterator[str]:
    """The provider has no setting for the API of a GitHub Enterprise host."""
    for bundle in settings.fetched_bundles:
        named = bundle.connection
        host = RepositoryAddress.parse(bundle.repo).authority
        if named and isinstance(settings.connections[named], GithubAppConnection) and host != GITHUB:
            yield (
                f"connections.{named} is a GitHub App on {host}, but {PROVIDER} (0.5.0 to 1.0.1) requests tokens only from {GITHUB}, "
                f"so agents cannot fetch {bundle.at}.repo; use an https or ssh connection"
            )


def _app_trust(settings: Settings) -> Iterator[str]:
    """Git uses the caBundle, but the provider requests tokens with Python's requests, which reads a variable."""
    if "REQUESTS_CA_BUNDLE" in settings.agent.env:
        return
    for name, dags in _opened_by_airflow(settings):
        if isinstance(dags, GithubAppConnection) and dags.ca_bundle:
            yield (
                f"connections.{name}.caBundle applies to Git, but the agents request tokens from api.{GITHUB} with Python's "
                "requests; set agent.env.REQUESTS_CA_BUNDLE to a file in the agents' image that contains this authority and the "
                "public ones"
            )


def _connection_elsewhere(settings: Settings) -> Iterator[str]:
    """The provider's ssh command overrides Git's, so the connection itself has to name the ssh configuration."""
    options = ssh_options(settings)
    for name, dags in _opened_by_airflow(settings):
        if not options or not isinstance(dags, HttpsConnection) or dags.created_here or dags.anonymous:
            continue
        where = f"the Secret {dags.existing_secret}" if dags.existing_secret else "your secrets backend"
        yield (
            f"connections.{name} is in {where}, and a submodule is fetched over SSH; give that connection the extra "
            f'{{"ssh_config_file": "{SSH_CONFIG}", "strict_host_key_checking": "{options["strict_host_key_checking"]}"}}, '
            "or Git will not find the key"
        )


def _withheld(settings: Settings) -> Iterator[str]:
    found = kept_back(settings.agent)
    if found:
        listed = "".join(f"\n  {key}: {reason}" for key, reason in found.items())
        yield (
            f"agent.withheld and its components keep {len(found)} values as the adopted release has them; remove an entry when "
            f"its Pods may restart once (docs/adoption.md):{listed}"
        )


def _used(settings: Settings) -> Iterator[str]:
    """Connections of everything that agents fetch with Git."""
    for bundle in settings.fetched_bundles:
        if bundle.connection:
            yield bundle.connection
        yield from (item.connection for item in bundle.submodules if item.connection)
        for project in settings.projects_in(bundle):
            if project.connection and project in settings.projects_delivered_as_submodules:
                yield project.connection


def version_text(version: Version) -> str:
    """A version as people write it."""
    return ".".join(map(str, version))
