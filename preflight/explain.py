"""From a failed look at a Git host to the finding that names the key to change."""

from __future__ import annotations

from dataclasses import dataclass

from clients.git import Cause, GitError
from preflight.world import World


@dataclass(frozen=True)
class Subject:
    """A repository that is looked at, and the keys that decide about it."""

    url: str
    """Clone URL."""
    at: str
    """Key of its address."""
    connection: str | None
    """Connection that opens it, if any."""
    connection_at: str
    """Key where its connection is named."""


_REACH = {Cause.UNREACHABLE: "unreachable", Cause.TIMEOUT: "timeout", Cause.NO_GIT: "tool"}


def explain(world: World, subject: Subject, error: GitError) -> None:
    """Note why a repository could not be looked at."""
    seconds = f"{world.timeout:.0f}"
    facts = {"url": subject.url, "detail": str(error), "seconds": seconds}
    cause, connection = error.cause, subject.connection
    if cause in _REACH:
        world.found("git.reach", _REACH[cause], at=subject.at, **facts)
    elif cause is Cause.TLS:
        world.found("git.reach", "tls", at=_field(world, subject, "https", "caBundle"), **facts)
    elif cause is Cause.HOST_KEY:
        world.found("git.reach", "host-key", at=_field(world, subject, "ssh", "knownHosts"), **facts)
    elif cause is Cause.UNAUTHORISED:
        _refused(world, subject, facts)
    elif cause is Cause.NOT_FOUND:
        world.found("git.auth", "not-found", at=subject.at, **facts)
    elif cause is Cause.NO_CREDENTIALS:
        at = f"connections.{connection}" if connection else subject.connection_at
        world.found("git.connection", "unknown", at=at, **facts)
    else:
        world.found("git.reach", "other", at=subject.at, **facts)


def _field(world: World, subject: Subject, kind: str, field: str) -> str:
    """Key of a field of the subject's connection; where to name a connection, when it has none of that kind."""
    found = world.settings.connections.get(subject.connection) if subject.connection else None
    if found is not None and found.type == kind:
        return f"connections.{subject.connection}.{field}"
    return subject.connection_at


def _refused(world: World, subject: Subject, facts: dict[str, str]) -> None:
    name = subject.connection
    found = world.settings.connections.get(name) if name else None
    anonymous = found is None or (found.type == "https" and found.anonymous)
    if anonymous:
        world.found("git.auth", "private", at=subject.connection_at, **facts)
    elif found is not None and found.existing_secret:
        at = f"connections.{name}.existingSecret"
        world.found("git.auth", "refused-existing", at=at, secret=found.existing_secret, **facts)
    elif found is not None:
        field = "password" if found.type == "https" else "privateKey"
        world.found(
            "git.auth", "refused", at=f"credentials.{name}", secret=f"credentials.{name}.{field}", **facts
        )
