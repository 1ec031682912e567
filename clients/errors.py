"""Errors of communication with something outside: one base class, and a cause for callers to act on.

domain/errors.py shows the tree. Clients only report a cause; preflight knows the remedies.
"""

from __future__ import annotations

from enum import StrEnum

from domain.errors import ReportedError


class Cause(StrEnum):
    """Why a request failed."""

    UNREACHABLE = "unreachable"
    """No answer from the host, or none that could be read."""
    FAILING = "failing"
    """The host answers with an error that is its own, such as 500, or asks to wait (429)."""
    TIMEOUT = "timeout"
    """No answer within the time limit."""
    TLS = "tls"
    """The host's certificate is not trusted."""
    HOST_KEY = "host-key"
    """The host's SSH key is not the known one."""
    UNAUTHORISED = "unauthorised"
    """The credentials are missing or wrong."""
    NOT_FOUND = "not-found"
    """The requested object does not exist, or is not visible to these credentials."""
    MISSING_REF = "missing-ref"
    """The branch, tag, commit or version does not exist."""
    UNADVERTISED = "unadvertised"
    """The host serves only commits that a branch or tag points to."""
    MISSING_PATH = "missing-path"
    """The commit has no such folder."""
    NO_CREDENTIALS = "no-credentials"
    """The connection's credentials are not known to this stack."""
    NO_GIT = "no-git"
    """This machine has no git, or one that is too old."""
    INVALID = "invalid"
    """The answer is not valid for such a host."""
    KUBECONFIG = "kubeconfig"
    """The kubeconfig cannot be used."""
    CONTEXT = "context"
    """The kubeconfig has no such context."""
    UNVERIFIED = "unverified"
    """It cannot be checked from here."""
    OTHER = "other"
    """Another cause, named in the message."""


class RemoteError(ReportedError):
    """No usable answer from outside; the message is one line without credentials."""

    def __init__(self, cause: Cause, text: str) -> None:
        super().__init__(text)
        self.cause = cause
