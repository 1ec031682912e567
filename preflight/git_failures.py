"""From a failed request to a Git host to the finding that names the key to change."""

from __future__ import annotations

from dataclasses import dataclass

from clients.git import Cause, GitError
from preflight.catalogue.git_checks import GIT_AUTH, GIT_CONNECTION, GIT_REACH
from preflight.report import Finding
from settings.stack import Settings


@dataclass(frozen=True)
class Subject:
    """A repository that is checked, and the keys that decide about it."""

    url: str
    """Clone URL."""
    at: str
    """Key of its address."""
    connection: str | None
    """Connection that opens it, if any."""
    connection_at: str
    """Key where its connection is named."""


def failure(settings: Settings, subject: Subject, error: GitError) -> Finding:
    """Why a repository could not be read, and what to change."""
    url, at, detail = subject.url, subject.at, str(error)
    match error.cause:
        case Cause.UNREACHABLE:
            return GIT_REACH.unreachable(at, url=url, detail=detail)
        case Cause.FAILING:
            return GIT_REACH.failing(at, url=url, detail=detail)
        case Cause.TIMEOUT:
            return GIT_REACH.timeout(at, url=url, seconds=f"{settings.preflight.timeout:.0f}")
        case Cause.NO_GIT:
            return GIT_REACH.tool(at, detail=detail)
        case Cause.TLS:
            return GIT_REACH.tls(_field(settings, subject, "https", "caBundle"), url=url, detail=detail)
        case Cause.HOST_KEY:
            return GIT_REACH.host_key(_field(settings, subject, "ssh", "knownHosts"), url=url)
        case Cause.UNAUTHORISED:
            return _refused(settings, subject, detail)
        case Cause.NOT_FOUND:
            return GIT_AUTH.not_found(at, url=url)
        case Cause.NO_CREDENTIALS:
            name = subject.connection
            return unknown_credentials(name, subject.connection_at, url=url, detail=detail)
        case _:
            return GIT_REACH.other(at, url=url, detail=detail)


def unknown_credentials(connection: str | None, at: str, *, url: str, detail: str) -> Finding:
    """The stack does not know a connection's credentials; ``at`` is the key where no connection is named."""
    return GIT_CONNECTION.unknown(f"connections.{connection}" if connection else at, url=url, detail=detail)


def _field(settings: Settings, subject: Subject, kind: str, field: str) -> str:
    """Key of a field of the subject's connection; where to name a connection, when it has none of that kind."""
    found = settings.connections.get(subject.connection) if subject.connection else None
    if found is not None and found.type == kind:
        return f"connections.{subject.connection}.{field}"
    return subject.connection_at


def _refused(settings: Settings, subject: Subject, detail: str) -> Finding:
    name, url = subject.connection, subject.url
    found = settings.connections.get(name) if name else None
    if found is None or (found.type == "https" and found.anonymous):
        return GIT_AUTH.private(subject.connection_at, url=url)
    if found.existing_secret:
        at = f"connections.{name}.existingSecret"
        return GIT_AUTH.refused_existing(at, url=url, detail=detail, secret=found.existing_secret)
    field = "password" if found.type == "https" else "privateKey"
    secret = f"credentials.{name}.{field}"
    return GIT_AUTH.refused(f"credentials.{name}", url=url, detail=detail, secret=secret)
