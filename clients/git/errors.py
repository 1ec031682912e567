"""Interpreting git's diagnostics."""

from __future__ import annotations

import re
from collections.abc import Iterable

from clients.errors import Cause, RemoteError
from domain.redaction import redact


class GitError(RemoteError):
    """A request to a Git host failed."""


_PATTERNS: tuple[tuple[Cause, re.Pattern[str]], ...] = tuple(
    (cause, re.compile(pattern, re.IGNORECASE))
    for cause, pattern in (
        (
            Cause.TLS,
            r"SSL certificate|certificate verif|server certificate|self[- ]signed|unable to get local issuer"
            r"|gnutls_handshake|SSL_connect|SSL peer|tls_|no alternative certificate subject",
        ),
        (
            Cause.HOST_KEY,
            r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|No .* host key is known",
        ),
        (Cause.UNADVERTISED, r"does not allow request for unadvertised object"),
        (
            Cause.MISSING_REF,
            r"couldn't find remote ref|not our ref|no such remote ref|no such ref was fetched|unable to find .* at remote",
        ),
        (
            Cause.UNAUTHORISED,
            r"Authentication failed|could not read Username|could not read Password|terminal prompts disabled"
            r"|returned error: 40[137]|Access denied|Permission denied|Too many authentication failures"
            r"|invalid credentials|error in libcrypto|Load key ",
        ),
        (
            Cause.NOT_FOUND,
            r"repository .*not found|not found\.?$|does not appear to be a git repository|returned error: 404"
            r"|could not be found|no such repository|does not exist",
        ),
        (Cause.FAILING, r"returned error: (429|5\d\d)"),
        (
            Cause.UNREACHABLE,
            r"Could not resolve|Failed to connect|Couldn't connect|Connection refused|Connection timed out|timed out"
            r"|Connection reset|Connection closed|Empty reply|Recv failure|Send failure|Network is unreachable"
            r"|No route to host|Name or service not known|Could not connect"
            r"|Operation timed out|early EOF|hung up unexpectedly|recv error|unexpected EOF"
            r"|still expected|transfer closed|kex_exchange_identification",
        ),
        # ssh's last line if the remote side refuses with another message.
        (Cause.UNAUTHORISED, r"Could not read from remote repository"),
    )
)


def cause_of(stderr: str) -> Cause:
    """Cause of a failure, from git's (English) diagnostics."""
    for cause, pattern in _PATTERNS:
        if pattern.search(stderr):
            return cause
    return Cause.OTHER


_NOISE = re.compile(
    r"^(Cloning into|warning: |hint: |From |Initialized|Warning: Permanently added|Please make sure|and the repository"
    r"|\s*$)"
)
_LONGEST = 200


def summary(stderr: str, secrets: Iterable[str]) -> str:
    """The most informative line of git's diagnostics, without credentials and at most 200 characters long."""
    lines = [line.strip() for line in stderr.splitlines() if not _NOISE.match(line)]
    telling = [line for line in lines if any(pattern.search(line) for _, pattern in _PATTERNS)] or lines[-1:]
    text = redact(telling[0] if telling else "git gave no reason", secrets)
    text = re.sub(r"^(fatal|error|remote|ssh): ", "", text).rstrip(".")
    text = re.sub(r"^unable to access '[^']*': | for '[^']*'", "", text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
