"""Tokens of a GitHub App installation.

Source: docs.github.com, "Generating an installation access token for a GitHub App": a JSON web token signed with the
app's private key (RS256, at most ten minutes) is exchanged at `/app/installations/<id>/access_tokens`. GitHub
Enterprise Server has its API under `/api/v3` of the same host.
"""

from __future__ import annotations

import json
import ssl
import time
from dataclasses import dataclass, field

from clients.errors import Cause
from clients.git.errors import GitError
from clients.http import WebError, request
from clients.importing import IMPORTING

LOGIN = "x-access-token"
"""User name for an installation token."""

_CLOCK_SKEW = 60
_LIFETIME = 540


@dataclass(frozen=True)
class GithubApp:
    """An installation of a GitHub App."""

    authority: str
    """Host (with port) of the repositories, for example github.com."""
    app_id: int
    """App id."""
    installation_id: int
    """Installation id."""
    private_key: str = field(repr=False)
    """Private key of the app, PEM."""
    trusted: str | None = field(default=None, repr=False)
    """PEM text of a certificate authority to trust in addition to those of this machine."""

    @property
    def api(self) -> str:
        """Base URL of the host's REST API."""
        if self.authority == "github.com":
            return "https://api.github.com"
        return f"https://{self.authority}/api/v3"

    def token(self, *, timeout: float) -> str:
        """Request an installation token (valid for an hour); ``timeout`` in seconds.

        Raises GitError: the host cannot be reached, or refuses the app, its key or its installation.
        """
        try:
            answer = request(
                f"{self.api}/app/installations/{self.installation_id}/access_tokens",
                method="POST",
                authorization=f"Bearer {self._assertion()}",
                headers={"Accept": "application/vnd.github+json"},
                timeout=timeout,
                trust=self._context(),
            )
        except WebError as error:
            raise GitError(error.cause, f"{self.authority}: {error}") from None
        if answer.status in {401, 403}:
            reason = f"{self.authority} refuses the app's private key or id (HTTP {answer.status})"
            raise GitError(Cause.UNAUTHORISED, reason)
        if answer.status == 404:
            reason = f"{self.authority} knows no installation {self.installation_id} of the app (HTTP 404)"
            raise GitError(Cause.UNAUTHORISED, reason)
        if answer.status >= 400:
            raise GitError(Cause.FAILING, f"{self.authority} answers {answer.refusal}")
        try:
            return str(json.loads(answer.body)["token"])
        except (ValueError, KeyError, TypeError):
            reason = f"{self.authority} does not answer like GitHub's API"
            raise GitError(Cause.UNREACHABLE, reason) from None

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.trusted is not None:
            try:
                context.load_verify_locations(cadata=self.trusted)
            except (ssl.SSLError, ValueError):
                raise GitError(Cause.TLS, "the connection's caBundle cannot be read as PEM") from None
        return context

    def _assertion(self) -> str:
        # Only stacks with a GitHub App pay for this import.
        with IMPORTING:
            import jwt

        now = int(time.time())
        claims = {"iat": now - _CLOCK_SKEW, "exp": now + _LIFETIME, "iss": str(self.app_id)}
        try:
            return jwt.encode(claims, self.private_key, algorithm="RS256")
        except (ValueError, TypeError, AttributeError, jwt.PyJWTError):
            reason = "the app's private key cannot be read as an RSA key"
            raise GitError(Cause.UNAUTHORISED, reason) from None
