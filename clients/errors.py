"""What can go wrong between this machine and something outside: one base, and a cause that callers decide by.

domain/errors.py draws the tree. What to do about a cause is for preflight to say; clients only name it.
"""

from __future__ import annotations

from enum import StrEnum

from domain.errors import ReportedError


class Cause(StrEnum):
    """Why a host did not give what was asked of it."""

    UNREACHABLE = "unreachable"
    """No answer from the host, or an answer that says it is out of order."""
    TIMEOUT = "timeout"
    """No answer within the time limit."""
    TLS = "tls"
    """The host's certificate is not trusted."""
    HOST_KEY = "host-key"
    """The host's SSH key is not the known one."""
    UNAUTHORISED = "unauthorised"
    """The credentials are missing or wrong."""
    NOT_FOUND = "not-found"
    """What was asked for does not exist, or not for these credentials."""
    MISSING_REF = "missing-ref"
    """The branch, tag, commit or version does not exist."""
    UNADVERTISED = "unadvertised"
    """The host gives no commits but those that a branch or tag points to."""
    MISSING_PATH = "missing-path"
    """The commit has no such folder."""
    NO_CREDENTIALS = "no-credentials"
    """The connection's credentials are not known to this stack."""
    NO_GIT = "no-git"
    """This machine has no git, or one that is too old."""
    INVALID = "invalid"
    """The answer is not what such a host gives."""
    KUBECONFIG = "kubeconfig"
    """The kubeconfig cannot be used."""
    CONTEXT = "context"
    """The kubeconfig has no such context."""
    UNVERIFIED = "unverified"
    """There is no way to ask from here."""
    OTHER = "other"
    """Something else; the text says what."""


class RemoteError(ReportedError):
    """Something outside gave no usable answer; the text is one line and holds no credentials."""

    def __init__(self, cause: Cause, text: str) -> None:
        super().__init__(text)
        self.cause = cause
