"""One exchange with a host over HTTP(S), on urllib3's connections: proxies, TLS, and a limit that no host can stretch.

urllib3's own limits are for single reads: a host that sends a byte now and then keeps such a client for ever. Here a clock
shuts the connection down instead, whatever it is doing: the TLS handshake, the headers, or the content.

clients/http.py imports this module with the first request: a program that sends none does without urllib3.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection, ProxyConfig
from urllib3.exceptions import (
    HTTPError,
    IncompleteRead,
    LocationParseError,
    LocationValueError,
    ProxyError,
    URLSchemeUnknown,
)
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError
from urllib3.util import Url, make_headers, parse_url
from urllib3.util.connection import create_connection

from clients.errors import Cause

FAILURES = (HTTPError, OSError, http.client.HTTPException)
"""What an exchange raises; `explained` turns it into words."""
_BLOCK = 64 * 1024
_PORTS = {"http": 80, "https": 443}


@contextlib.contextmanager
def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Any,
    *,
    step: float,
    end: float | None,
    trust: ssl.SSLContext | None,
) -> Iterator[HTTPResponse]:
    """Send a request and wait for the headers of its answer, whose content can be read until the block ends.

    ``step`` is the limit for connecting and for every read, in seconds; at ``end`` (of time.monotonic; None: never) the
    connection is shut down. Redirects are answers like any other. Raises FAILURES.
    """
    connection, target, proxied = _connection(url, step, end, trust)
    with contextlib.closing(connection), contextlib.ExitStack() as ends:
        ends.callback(connection.release)
        try:
            connection.connect()
        except (*FAILURES, UnicodeError) as error:
            if isinstance(error, UnicodeError):  # a host name that the Domain Name System has no form for
                raise LocationParseError(url) from None
            proxy = connection.proxy
            if proxy is not None and not connection.has_connected_to_proxy:
                raise ProxyError(f"the proxy {proxy.host}:{proxy.port}", error) from None
            raise
        # A host that refuses a body early may close the connection; its answer says why.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(
                method,
                target,
                body,
                {"Connection": "close", **headers, **proxied},
                preload_content=False,
                decode_content=False,
            )
        with contextlib.closing(connection.getresponse()) as answer:
            yield answer


def explained(error: BaseException, seconds: float) -> tuple[Cause, str]:
    """The cause of one of FAILURES, and one clause about it; ``seconds`` is the limit that was set."""
    if isinstance(error, ProxyError):
        cause, text = explained(error.original_error, seconds)
        return (cause if cause is Cause.TIMEOUT else Cause.UNREACHABLE), f"{error.args[0]}: {text}"
    if isinstance(error, TimeoutError | Urllib3TimeoutError):
        return Cause.TIMEOUT, f"no answer within {seconds:.0f} s"
    if isinstance(error, URLSchemeUnknown):
        return Cause.UNREACHABLE, "its address starts with neither http:// nor https://"
    if isinstance(error, LocationValueError):
        return Cause.UNREACHABLE, "its address cannot be read"
    if isinstance(error, IncompleteRead | http.client.IncompleteRead):
        return Cause.UNREACHABLE, "its answer ended early"
    if isinstance(error, HTTPError) and error.args and isinstance(error.args[-1], Exception):
        return explained(error.args[-1], seconds)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Cause.TLS, f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, http.client.BadStatusLine) and not isinstance(error, ConnectionError):
        return Cause.UNREACHABLE, "its answer is not HTTP"
    return Cause.UNREACHABLE, str(getattr(error, "strerror", None) or str(error) or type(error).__name__)


class _Connection(HTTPConnection):
    """A connection that is shut down at its end."""

    end: float | None = None
    _clock: threading.Timer | None = None
    _twin: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        found = _connected(self._dns_host, self.port, float(self.timeout or 0), self.socket_options)
        if self.end is not None:
            # TLS takes the socket over and a closed connection forgets it; a second handle can be shut down all the same.
            self._twin = found.dup()
            self._clock = threading.Timer(max(self.end - time.monotonic(), 0), _shut, [self._twin])
            self._clock.daemon = True
            self._clock.start()
        return found

    def release(self) -> None:
        """Stop the clock; not part of `close`, which comes before the content of an answer that ends with its connection."""
        if self._clock is not None and self._twin is not None:
            self._clock.cancel()
            self._twin.close()


class _SecureConnection(_Connection, HTTPSConnection):
    """The same with TLS."""


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _connected(host: str, port: int, seconds: float, options: Any) -> socket.socket:
    """A connection to one of the host's addresses. Together they take ``seconds``, not each, so a share is for every one."""
    end = time.monotonic() + seconds
    addresses = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    failure: OSError = OSError(f"{host} has no address")
    for tried, (*_, address) in enumerate(addresses):
        share = max(end - time.monotonic(), 0.1) / (len(addresses) - tried)
        try:
            return create_connection((str(address[0]), port), share, socket_options=options)
        except OSError as error:
            failure = error
    raise failure


def _connection(
    address: str, step: float, end: float | None, trust: ssl.SSLContext | None
) -> tuple[_Connection, str, dict[str, str]]:
    """A connection for a request, the target to ask for, and headers for a proxy in between."""
    url = parse_url(address)
    if url.scheme not in _PORTS:
        raise URLSchemeUnknown(str(url.scheme))
    if not url.host:
        raise LocationParseError(address)
    proxy, login = _proxy(url)
    secure = url.scheme == "https"
    reached = proxy or url
    port = reached.port or _PORTS[str(reached.scheme)]
    common: dict[str, Any] = {"timeout": step, "blocksize": _BLOCK, "proxy": proxy}
    connection: _Connection
    if secure or reached.scheme == "https":
        context = trust or _trust(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        of_proxy = ProxyConfig(context, False, None, None) if proxy else None
        connection = _SecureConnection(
            str(reached.host), port, ssl_context=context, proxy_config=of_proxy, **common
        )
    else:
        connection = _Connection(str(reached.host), port, **common)
    connection.end = end
    if proxy and secure:
        connection.set_tunnel(url.host, url.port or 443, login, scheme=str(proxy.scheme))
    if proxy and not secure:
        return connection, url._replace(auth=None, fragment=None).url, login
    return connection, url.request_uri, {}


def _proxy(url: Url) -> tuple[Url | None, dict[str, str]]:
    """The proxy in the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) for a URL, and the header with its login."""
    configured = getproxies().get(str(url.scheme))
    if not configured or proxy_bypass(str(url.netloc)):
        return None, {}
    proxy = parse_url(configured if "://" in configured else f"http://{configured}")
    if proxy.scheme not in _PORTS or not proxy.host:
        raise ProxyError(
            f"{str(url.scheme).upper()}_PROXY",
            ValueError("it is not the http:// or https:// address of a proxy"),
        )
    login = make_headers(proxy_basic_auth=unquote(proxy.auth)) if proxy.auth else {}
    return proxy._replace(auth=None, port=proxy.port or _PORTS[proxy.scheme]), dict(login)


@functools.lru_cache(maxsize=8)
def _trust(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """What this machine trusts, by OpenSSL's two variables. Reading its certificates takes some 40 ms each time."""
    context = ssl.create_default_context()
    # urllib3 sets this before every handshake, which OpenSSL does not allow while another thread starts one.
    context.set_alpn_protocols(["http/1.1"])
    context.set_alpn_protocols = lambda *_: None  # type: ignore[method-assign]
    return context
