"""What works with these settings but not as well as it could, or not as the stack alone can tell: one sentence each.

The versions are measured ones (docs/delivery.md). The provider is known only where the packages of the image pin it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from delivery.git_access import SSH_CONFIG, ssh_options
from domain.address import RepositoryAddress
from domain.requirements import Version, pinned
from settings.connections import GithubAppConnection, HttpsConnection, SshConnection
from settings.stack import Settings

PROVIDER = "apache-airflow-providers-git"
SAFE = (1, 0, 0)
"""First version that keeps tokens out of clone URLs."""
SSH_SUBMODULES = (0, 4, 2)
"""First version that passes its ssh options on to submodules."""
GITHUB_APPS = (0, 5, 0)
"""First version that knows GitHub Apps."""
SUBMODULES = (0, 2, 0)
"""First version that knows submodules."""

GITHUB = "github.com"
"""The one host that the provider asks for the tokens of a GitHub App; read and run with 0.5.0 and 1.0.1."""


@dataclass(frozen=True)
class Shortcoming:
    """What an old provider does not do well for a stack."""

    version: str
    """Version of the provider."""
    what: str
    """The shortcoming, after "which"."""
    better: str
    """First version without it."""


def advice(settings: Settings) -> tuple[str, ...]:
    """Sentences for the user; each names the stack key, what is wrong and what to write."""
    return (
        *_provider(settings),
        *_app_elsewhere(settings),
        *_app_trust(settings),
        *_connection_elsewhere(settings),
    )


def provider_shortcomings(settings: Settings, packages: Sequence[str]) -> Iterator[Shortcoming]:
    """What the Git provider that ``packages`` pin does not do well for this stack."""
    version = pinned(packages, PROVIDER)
    if version is None:
        return
    found, safe = _text(version), _text(SAFE)
    used = [settings.connections[name] for name in _used(settings)]
    named = settings.dags.connection
    dags = settings.connections.get(named) if named else None
    if version < SUBMODULES and (settings.projects_delivered_as_submodules or settings.dags.submodules):
        yield Shortcoming(found, "does not fetch submodules", safe)
    elif version < SSH_SUBMODULES and any(isinstance(item, SshConnection) for item in used):
        yield Shortcoming(found, "does not open submodules by SSH", safe)
    if version < GITHUB_APPS and any(isinstance(item, GithubAppConnection) for item in used):
        yield Shortcoming(found, "does not know GitHub Apps", safe)
    if version < SAFE and (
        isinstance(dags, GithubAppConnection) or (isinstance(dags, HttpsConnection) and not dags.anonymous)
    ):
        what = f"leaves the token of connections.{named} on the agents' disks and in process arguments"
        yield Shortcoming(found, what, safe)


def _provider(settings: Settings) -> Iterator[str]:
    for item in provider_shortcomings(settings, settings.image.packages if settings.image else ()):
        yield f"image.packages pins {PROVIDER} {item.version}, which {item.what}; pin {item.better} or later"


def _app_elsewhere(settings: Settings) -> Iterator[str]:
    """The provider has no setting for the API of a GitHub Enterprise host."""
    named = settings.dags.connection
    dags = settings.connections.get(named) if named else None
    host = RepositoryAddress.parse(settings.dags.repo).authority
    if isinstance(dags, GithubAppConnection) and host != GITHUB:
        yield (
            f"connections.{named} is a GitHub App on {host}, but {PROVIDER} (0.5.0 to 1.0.1) asks {GITHUB} alone for its tokens, "
            "so agents cannot open dags.repo; use an https or ssh connection"
        )


def _app_trust(settings: Settings) -> Iterator[str]:
    """Git takes the caBundle; the provider asks for tokens by Python's requests, which reads a variable."""
    named = settings.dags.connection
    dags = settings.connections.get(named) if named else None
    if (
        isinstance(dags, GithubAppConnection)
        and dags.ca_bundle
        and "REQUESTS_CA_BUNDLE" not in settings.agent.env
    ):
        yield (
            f"connections.{named}.caBundle serves Git, but the agents ask api.{GITHUB} for tokens by Python's requests; set "
            "agent.env.REQUESTS_CA_BUNDLE to a file of the agents' image that holds this authority as well as the public ones"
        )


def _connection_elsewhere(settings: Settings) -> Iterator[str]:
    """The provider's ssh command beats Git's, so the connection itself has to name the ssh configuration."""
    named = settings.dags.connection
    dags = settings.connections.get(named) if named else None
    options = ssh_options(settings)
    if not options or not isinstance(dags, HttpsConnection) or dags.made_here or dags.anonymous:
        return
    where = f"the Secret {dags.existing_secret}" if dags.existing_secret else "your secrets backend"
    yield (
        f"connections.{named} is in {where}, and a submodule is opened by SSH; give that connection the extra "
        f'{{"ssh_config_file": "{SSH_CONFIG}", "strict_host_key_checking": "{options["strict_host_key_checking"]}"}}, '
        "or Git will not find the key"
    )


def _used(settings: Settings) -> Iterator[str]:
    if settings.dags.connection:
        yield settings.dags.connection
    for project in settings.projects_delivered_as_submodules:
        if project.connection:
            yield project.connection
    yield from (item.connection for item in settings.dags.submodules if item.connection)


def _text(version: Version) -> str:
    return ".".join(map(str, version))
