"""The key and the remedy of each way in which a Git host can fail."""

from __future__ import annotations

from typing import Any

import pytest

from clients.git import Cause, GitError
from preflight.git_failures import Subject, failure
from tests.support.stacks import SSH_KEY, settings_of, stack

URL = "https://git.example.com/analytics/jaffle.git"
CONNECTIONS = {
    "git": {"type": "https", "login": "robot"},
    "key": {"type": "ssh"},
    "theirs": {"type": "https", "existingSecret": "mine"},
    "public": {"type": "https", "anonymous": True},
}


def _failure(cause: Cause, connection: str | None = "git", **changes: Any) -> tuple[str, str, str, str]:
    credentials = {"git": {"password": "canary-password"}, "key": {"privateKey": SSH_KEY}}
    settings = settings_of(stack(connections=CONNECTIONS, credentials=credentials, **changes))
    subject = Subject(URL, at="x.repo", connection=connection, connection_at="x.connection")
    found = failure(settings, subject, GitError(cause, "the detail"))
    return found.check, found.case, found.key, found.message


@pytest.mark.parametrize(
    ("cause", "check", "case", "key"),
    [
        (Cause.UNREACHABLE, "git.reach", "unreachable", "x.repo"),
        (Cause.FAILING, "git.reach", "failing", "x.repo"),
        (Cause.TIMEOUT, "git.reach", "timeout", "x.repo"),
        (Cause.NO_GIT, "git.reach", "tool", "x.repo"),
        (Cause.TLS, "git.reach", "tls", "connections.git.caBundle"),
        (Cause.HOST_KEY, "git.reach", "host-key", "x.connection"),
        (Cause.UNAUTHORISED, "git.auth", "refused", "credentials.git"),
        (Cause.NOT_FOUND, "git.auth", "not-found", "x.repo"),
        (Cause.NO_CREDENTIALS, "git.connection", "unknown", "connections.git"),
        (Cause.OTHER, "git.reach", "other", "x.repo"),
        (Cause.INVALID, "git.reach", "other", "x.repo"),
    ],
)
def test_every_cause_has_a_case_and_a_key(cause: Cause, check: str, case: str, key: str) -> None:
    found = _failure(cause)
    assert found[:3] == (check, case, key)
    assert URL in found[3] or cause is Cause.NO_GIT


@pytest.mark.parametrize(
    ("connection", "case", "key", "says"),
    [
        (None, "private", "x.connection", "is missing"),
        ("public", "private", "x.connection", "is missing"),
        ("theirs", "refused-existing", "connections.theirs.existingSecret", "the Secret mine"),
        ("git", "refused", "credentials.git", "'credentials.git.password'"),
        ("key", "refused", "credentials.key", "'credentials.key.privateKey'"),
    ],
)
def test_refused_credentials(connection: str | None, case: str, key: str, says: str) -> None:
    check, found, at, message = _failure(Cause.UNAUTHORISED, connection)
    assert (check, found, at) == ("git.auth", case, key)
    assert says in message


def test_fields_of_the_connections_own_kind() -> None:
    assert _failure(Cause.HOST_KEY, "key")[2] == "connections.key.knownHosts"
    assert _failure(Cause.TLS, "key")[2] == "x.connection"
    assert _failure(Cause.TLS, None)[2] == "x.connection"
    assert _failure(Cause.NO_CREDENTIALS, None)[2] == "x.connection"


def test_the_time_limit_is_in_seconds() -> None:
    assert "within 7 s" in _failure(Cause.TIMEOUT, preflight={"timeout": 7})[3]
