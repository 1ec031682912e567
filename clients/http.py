"""HTTP(S) requests: a time limit for the whole answer, credentials only for the named host.

One attempt, and one more if the host asks for it with Retry-After and the limit leaves the time. Proxies come from the
environment, as for Git and Docker. clients/transport.py makes the connections.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import urljoin, urlsplit

from clients.errors import Cause, RemoteError
from clients.importing import IMPORTING

if TYPE_CHECKING:
    import ssl

    from urllib3 import HTTPResponse


class WebError(RemoteError):
    """A host gave no usable answer over HTTP."""


@dataclass(frozen=True)
class Answer:
    """An answer with any status."""

    status: int
    """HTTP status."""
    headers: Mapping[str, str]
    """Headers, by names in any case; one that was sent several times is joined with commas."""
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
    headers: Mapping[str, str]
    """Headers, as in Answer."""
    content: Readable
    """Content; reading it raises WebError."""


MOST = 64 * 1024 * 1024
"""Maximum size of an answer in bytes."""
_PIECE = 64 * 1024
_REDIRECTS = 10


Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class _Request:
    method: Method
    url: str
    headers: Mapping[str, str]
    body: bytes | Readable | None = None
    trust: ssl.SSLContext | None = None

    def redirected(self, status: int, location: str | None) -> _Request | None:
        """The request that follows an answer, if it is a redirect that can be followed.

        Credentials may be in any header, so only what the answer shall be is repeated. A form that was sent becomes a GET
        (RFC 9110, 15.4), as in browsers; other content is never sent to another address.
        """
        reading = self.method in {"GET", "HEAD"}
        followed = (
            {301, 302, 303, 307, 308} if reading else {301, 302, 303} if self.method == "POST" else set()
        )
        if location is None or status not in followed:
            return None
        kept = {name: value for name, value in self.headers.items() if name in {"Accept", "User-Agent"}}
        method = self.method if reading else "GET"
        return replace(self, method=method, url=urljoin(self.url, location), headers=kept, body=None)


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

    ``headers`` and ``authorization`` are sent to the host of ``url`` only, and nothing but Accept to where it redirects;
    ``timeout`` is for the whole request, in seconds, or for each step of one whose body is a stream; ``trust`` determines
    which certificates are trusted (by default those of this machine). A stream needs its Content-Length in ``headers``.
    Raises WebError.
    """
    wanted = _Request(method, url, _headers(headers, authorization), body, trust)
    whole = body is None or isinstance(body, bytes)
    end = time.monotonic() + timeout

    def attempt() -> Answer:
        step = max(end - time.monotonic(), 0.1)
        with _failures(timeout, end if whole else None), ExitStack() as held:
            answer = _open(held, wanted, step, end if whole else None)
            limit = end if whole else time.monotonic() + timeout
            return Answer(answer.status, answer.headers, _read(answer, limit))

    first = attempt()
    pause = _asked_pause(first)
    if pause is None or not whole or time.monotonic() + pause >= end:
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
    """The answer to a GET whose content is read piece by piece; ``timeout`` in seconds bounds each step. Raises WebError."""
    with ExitStack() as held:
        with _failures(timeout, None):
            answer = _open(held, _Request("GET", url, _headers(headers, authorization)), timeout, None)
        yield Stream(answer.status, answer.headers, _Content(answer, timeout))


@dataclass(frozen=True)
class _Content:
    answer: HTTPResponse
    timeout: float

    def read(self, size: int = -1, /) -> bytes:
        """Of this host, even where its content is the body of a request to another one."""
        with _failures(self.timeout, None):
            return self.answer.read(size)


def _headers(headers: Mapping[str, str] | None, authorization: str | None) -> dict[str, str]:
    own = {"Authorization": authorization} if authorization is not None else {}
    return {"User-Agent": "astro-dbt", **(headers or {}), **own}


@contextmanager
def _failures(timeout: float, end: float | None) -> Iterator[None]:
    """Report what goes wrong as WebError; after ``end`` it is the limit that went wrong."""
    with IMPORTING:
        from clients import transport
    try:
        yield
    except transport.FAILURES as error:
        late = end is not None and time.monotonic() >= end
        raise WebError(*transport.explained(TimeoutError() if late else error, timeout)) from None


def _open(held: ExitStack, wanted: _Request, step: float, end: float | None) -> HTTPResponse:
    """The answer of the host, or of the last one that it redirects to."""
    with IMPORTING:
        from clients import transport
    following: _Request | None = wanted
    for _ in range(_REDIRECTS):
        if following is None:
            break
        held.close()
        asked = following
        answer = held.enter_context(
            transport.exchange(
                asked.method, asked.url, asked.headers, asked.body, step=step, end=end, trust=asked.trust
            )
        )
        following = asked.redirected(answer.status, answer.headers.get("Location"))
    else:
        raise WebError(Cause.UNREACHABLE, f"it redirects {_REDIRECTS} times and more")
    return answer


def _read(answer: HTTPResponse, end: float) -> bytes:
    pieces, size = [], 0
    while piece := answer.read(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > MOST:
            raise WebError(Cause.UNREACHABLE, f"the answer is larger than {MOST // 1024 // 1024} MiB")
        if time.monotonic() > end:
            raise TimeoutError
    if time.monotonic() > end:  # an answer without a length ends with its connection
        raise TimeoutError
    return b"".join(pieces)


def is_loopback(server: str) -> bool:
    """Whether a host (with or without port) is this machine itself."""
    host = urlsplit(f"//{server}").hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")
