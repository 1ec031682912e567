"""HTTP(S) requests: a time limit for the whole answer, credentials only for the named host.

One attempt, and one more if the host asks for it with Retry-After and the limit leaves the time. Written on Python's
standard library, which takes proxies from the environment as Git and Docker do.
"""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from clients.errors import Cause, RemoteError


class WebError(RemoteError):
    """A host gave no usable answer over HTTP."""


@dataclass(frozen=True)
class Answer:
    """An answer with any status."""

    status: int
    """HTTP status."""
    headers: Message
    """Headers."""
    body: bytes
    """Content."""

    @property
    def refusal(self) -> str:
        """The status as a message says it, with the wait that the host asked for."""
        pause = _asked_pause(self)
        return f"HTTP {self.status}" + (f", and it asks to wait {pause} s" if pause is not None else "")


class Readable(Protocol):
    """Content that is read piece by piece."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes; none at the end."""


@dataclass(frozen=True)
class Stream:
    """An answer whose content is still to be read."""

    status: int
    """HTTP status."""
    headers: Message
    """Headers."""
    content: Readable
    """Content."""


MOST = 64 * 1024 * 1024
"""Maximum size of an answer in bytes."""
_PIECE = 64 * 1024


Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH"]


def request(
    url: str,
    *,
    timeout: float,
    headers: Mapping[str, str] | None = None,
    authorization: str | None = None,
    method: Method = "GET",
    body: bytes | Readable | None = None,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """Send a request; any HTTP status is an answer.

    An answer 429 or 503 with Retry-After is waited for once, if ``timeout`` leaves the time (RFC 9110, 10.2.3).

    ``authorization`` is sent to the host of ``url`` only, not to hosts that it redirects to; ``timeout`` is for the whole
    request, in seconds, or for each step of one whose body is a stream; ``trust`` determines which certificates are trusted
    (by default those of this machine). A stream needs its Content-Length in ``headers``.
    Raises WebError.
    """
    end = time.monotonic() + timeout

    def attempt() -> Answer:
        left = max(end - time.monotonic(), 0.1)
        with _opened(url, left, headers, authorization, method, body, trust) as answer:
            limit = end if body is None or isinstance(body, bytes) else time.monotonic() + timeout
            return Answer(answer.status or 0, answer.headers, _read(answer, limit))

    first = attempt()
    pause = _asked_pause(first)
    repeatable = body is None or isinstance(body, bytes)
    if pause is None or not repeatable or time.monotonic() + pause >= end:
        return first
    time.sleep(pause)
    return attempt()


def _asked_pause(answer: Answer) -> int | None:
    """Seconds that a host asks to wait; None if it does not ask, or with a date."""
    asked = (answer.headers.get("Retry-After") or "").strip()
    return int(asked) if answer.status in {429, 503} and asked.isdecimal() and len(asked) < 6 else None


@contextmanager
def stream(
    url: str, *, timeout: float, headers: Mapping[str, str] | None = None, authorization: str | None = None
) -> Iterator[Stream]:
    """The answer to a GET whose content is read piece by piece; ``timeout`` in seconds bounds each piece. Raises WebError."""
    with _opened(url, timeout, headers, authorization, "GET", None, None) as answer:
        yield Stream(answer.status or 0, answer.headers, answer)


@contextmanager
def _opened(
    url: str,
    timeout: float,
    headers: Mapping[str, str] | None,
    authorization: str | None,
    method: Method,
    body: bytes | Readable | None,
    trust: ssl.SSLContext | None,
) -> Iterator[http.client.HTTPResponse | urllib.error.HTTPError]:
    data: Any = body
    wanted = urllib.request.Request(url, data=data, headers=dict(headers or {}), method=method)  # noqa: S310
    wanted.add_header("User-Agent", "astro-dbt")
    if authorization is not None:
        wanted.add_unredirected_header("Authorization", authorization)
    try:
        try:
            answer = urllib.request.urlopen(wanted, timeout=timeout, context=trust)  # noqa: S310
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            yield answer
    except TimeoutError:
        raise WebError(Cause.TIMEOUT, f"no answer within {timeout:.0f} s") from None
    except urllib.error.URLError as error:
        raise _unreachable(error.reason, timeout) from None
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(error, timeout) from None


def _read(answer: http.client.HTTPResponse | urllib.error.HTTPError, end: float) -> bytes:
    pieces, size = [], 0
    while piece := answer.read(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > MOST:
            raise WebError(Cause.UNREACHABLE, f"the answer is larger than {MOST // 1024 // 1024} MiB")
        if time.monotonic() > end:
            raise TimeoutError
    content = b"".join(pieces)
    if getattr(answer, "length", None):  # read(size) says nothing of content that is missing at the end
        raise http.client.IncompleteRead(content)
    return content


def _unreachable(reason: object, timeout: float) -> WebError:
    if isinstance(reason, TimeoutError):
        return WebError(Cause.TIMEOUT, f"no answer within {timeout:.0f} s")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return WebError(Cause.TLS, f"its certificate is not trusted: {reason.verify_message}")
    if isinstance(reason, http.client.IncompleteRead):
        return WebError(Cause.UNREACHABLE, "its answer ended early")
    if isinstance(reason, http.client.BadStatusLine) and not isinstance(reason, ConnectionError):
        return WebError(Cause.UNREACHABLE, "its answer is not HTTP")
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return WebError(Cause.UNREACHABLE, str(text))


def is_loopback(server: str) -> bool:
    """Whether a host (with or without port) is this machine itself."""
    host = urlsplit(f"//{server}").hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")
