"""Tokens of a GitHub App installation.

Source: docs.github.com, "Generating an installation access token for a GitHub App": a JSON web token signed with the
app's private key (RS256, at most ten minutes) is exchanged at `/app/installations/<id>/access_tokens`. GitHub
Enterprise Server has its API under `/api/v3` of its own host.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from clients.git.errors import Cause, GitError

LOGIN = "x-access-token"
"""User name that goes with an installation token."""

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

    @property
    def api(self) -> str:
        """Base URL of the host's REST API."""
        if self.authority == "github.com":
            return "https://api.github.com"
        return f"https://{self.authority}/api/v3"

    def token(self, *, timeout: float) -> str:
        """Mint an installation token (valid for an hour); ``timeout`` in seconds.

        Raises GitError: the host cannot be reached, or refuses the app, its key or its installation.
        """
        request = urllib.request.Request(  # noqa: S310 - always https
            f"{self.api}/app/installations/{self.installation_id}/access_tokens",
            method="POST",
            headers={
                "Authorization": f"Bearer {self._assertion()}",
                "Accept": "application/vnd.github+json",
                "User-Agent": "astro-dbt",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
                return str(json.load(answer)["token"])
        except urllib.error.HTTPError as error:
            code = error.code
            error.close()
            if code in {401, 403}:
                reason = f"{self.authority} refuses the app's private key or id (HTTP {code})"
                raise GitError(Cause.UNAUTHORISED, reason) from None
            if code == 404:
                reason = (
                    f"{self.authority} knows no installation {self.installation_id} of the app (HTTP 404)"
                )
                raise GitError(Cause.UNAUTHORISED, reason) from None
            raise GitError(Cause.UNREACHABLE, f"{self.authority} answers HTTP {code}") from None
        except TimeoutError:
            raise GitError(Cause.TIMEOUT, f"{self.authority} gave no token within {timeout:.0f} s") from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                reason = f"{self.authority} gave no token within {timeout:.0f} s"
                raise GitError(Cause.TIMEOUT, reason) from None
            tls = "CERTIFICATE" in str(error.reason).upper()
            cause = Cause.TLS if tls else Cause.UNREACHABLE
            raise GitError(cause, f"{self.authority}: {error.reason}") from None
        except (OSError, ValueError, KeyError):
            reason = f"{self.authority} gives no token where GitHub's API would"
            raise GitError(Cause.UNREACHABLE, reason) from None

    def _assertion(self) -> str:
        # Only stacks with a GitHub App pay for this import.
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding, rsa

        try:
            key = serialization.load_pem_private_key(self.private_key.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise GitError(Cause.UNAUTHORISED, "the app's private key cannot be read") from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise GitError(Cause.UNAUTHORISED, "the app's private key is no RSA key")
        now = int(time.time())
        claims = {"iat": now - _CLOCK_SKEW, "exp": now + _LIFETIME, "iss": str(self.app_id)}
        signed = ".".join(
            _segment(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims)
        )
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_segment(signature)}"


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
