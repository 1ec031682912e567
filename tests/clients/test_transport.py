"""Connections of requests: limits that hold whatever a host does, proxies, trust. All with real sockets."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from clients.errors import Cause
from clients.http import WebError, request
from tests.support.http_server import HttpServer, Request
from tests.support.stacks import ROOT
from trial.certificates import KeyPair

LIMIT = 0.5
"""Seconds that a slow host gets."""
SOON = 5
"""Seconds within which its end has come; a host drips for four times as long."""


@contextlib.contextmanager
def tcp(handle: Callable[[StreamRequestHandler], None]) -> Iterator[str]:
    """Host and port of a server of plain connections."""
    handler = type("Handler", (StreamRequestHandler,), {"handle": lambda self: handle(self)})

    class Server(ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients give up here."""

    with Server(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield f"127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def drip(start: bytes, piece: bytes) -> Callable[[StreamRequestHandler], None]:
    """A host that never stops sending, and never pauses for long."""

    def handle(handler: StreamRequestHandler) -> None:
        handler.connection.recv(65536)
        handler.wfile.write(start)
        for _ in range(4 * SOON * 20):
            handler.wfile.write(piece)
            time.sleep(0.05)

    return handle


@pytest.mark.parametrize(
    ("scheme", "start", "piece"),
    [
        ("https", b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xf0", b"\x00"),
        ("http", b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        ("http", b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        ("http", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["handshake", "headers", "content", "content without a length", "chunks"],
)
def test_a_host_that_drips_gets_the_limit_and_no_more(scheme: str, start: bytes, piece: bytes) -> None:
    begin = time.monotonic()
    with tcp(drip(start, piece)) as host, pytest.raises(WebError, match="no answer within") as caught:
        request(f"{scheme}://{host}/", timeout=LIMIT)
    assert caught.value.cause is Cause.TIMEOUT
    assert time.monotonic() - begin < SOON


@pytest.fixture
def silent() -> Iterator[int]:
    """A port of all loopback addresses where connections are not even accepted."""
    with socket.create_server(("0.0.0.0", 0), backlog=0) as full, contextlib.ExitStack() as waiting:  # noqa: S104
        port = int(full.getsockname()[1])
        for _ in range(4):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        time.sleep(0.1)
        yield port


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let the name host.test have these addresses."""
    known = socket.getaddrinfo

    def found(host: str, port: int, *args: Any, **named: Any) -> list[Any]:
        names = addresses if host == "host.test" else (host,)
        return [item for name in names for item in known(name, port, *args, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", found)


def test_all_addresses_of_a_host_share_the_limit(silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, *(f"127.0.0.{last}" for last in range(2, 12)))
    begin = time.monotonic()
    with pytest.raises(WebError) as caught:
        request(f"http://host.test:{silent}/", timeout=1)
    assert caught.value.cause is Cause.TIMEOUT
    assert time.monotonic() - begin < 5  # 10 with the limit for each


def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both listen on the same port; the second address is taken by a host that answers."""
    resolve(monkeypatch, "127.0.0.2", "127.0.0.1")
    with HttpServer(lambda _: (200, b"here", {})) as host:
        port = int(host.server.split(":")[1])
        with socket.create_server(("127.0.0.2", port), backlog=0), contextlib.ExitStack() as waiting:
            for _ in range(4):
                one = waiting.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(("127.0.0.2", port))
            time.sleep(0.1)
            assert request(f"http://host.test:{port}/", timeout=4).body == b"here"


def test_a_name_without_an_address() -> None:
    with pytest.raises(WebError) as caught:
        request("http://host.invalid/", timeout=20)
    assert caught.value.cause in {Cause.UNREACHABLE, Cause.TIMEOUT}
    assert "host.invalid" not in str(caught.value), "the caller names the host"


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("file:///etc/passwd", "its address starts with neither http:// nor https://"),
        ("ftp://127.0.0.1/", "its address starts with neither http:// nor https://"),
        ("http:///path", "its address cannot be read"),
        ("http://a..b/", "its address cannot be read"),
        ("http://host:port/", "its address cannot be read"),
    ],
)
def test_an_address_that_cannot_be_asked(url: str, wrong: str) -> None:
    with pytest.raises(WebError) as caught:
        request(url, timeout=5)
    assert str(caught.value) == wrong


class Proxy:
    """A proxy as companies have them: it forwards plain requests and opens tunnels, for those that log in."""

    def __init__(self, login: str = "") -> None:
        self.asked: list[str] = []
        """First lines of the requests."""
        self.login = b64encode(login.encode()) if login else b""

    def handle(self, handler: StreamRequestHandler) -> None:
        """One connection."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += handler.rfile.readline()
        first = head.split(b"\r\n")[0].decode()
        self.asked.append(first)
        if self.login and b"uthorization: Basic " + self.login not in head:
            handler.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        method, target, _ = first.split()
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        with socket.create_connection((str(parts.hostname), int(parts.port or 80))) as far:
            if method == "CONNECT":
                handler.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                kept = [line for line in head.split(b"\r\n")[1:] if not line.lower().startswith(b"proxy-")]
                far.sendall(b"\r\n".join([f"{method} {parts.path} HTTP/1.1".encode(), *kept]))
            self._join(handler.connection, far)

    @staticmethod
    def _join(near: socket.socket, far: socket.socket) -> None:
        while True:
            for ready in select.select([near, far], [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    return
                (far if ready is near else near).sendall(data)


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment without proxies."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@contextlib.contextmanager
def origin(pair: KeyPair | None = None) -> Iterator[tuple[HttpServer, list[Request]]]:
    """A host, and what it was asked."""
    seen: list[Request] = []

    def answer(request: Request) -> tuple[int, bytes, dict[str, str]]:
        seen.append(request)
        return 200, b"the host itself", {}

    with HttpServer(answer, pair=pair) as host:
        yield host, seen


@pytest.fixture
def authority(tmp_path: Path) -> tuple[KeyPair, Path]:
    """A certificate of 127.0.0.1 with its key, and the authority that issued it."""
    issuer = trustme.CA()
    pair, trusted = tmp_path / "pair.pem", tmp_path / "authority.pem"
    issuer.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pair)
    issuer.cert_pem.write_to_path(trusted)
    return KeyPair(pair, pair), trusted


def test_a_plain_request_through_a_proxy(no_environment: pytest.MonkeyPatch) -> None:
    proxy = Proxy("me:canary p@ss")
    with origin() as (host, seen), tcp(proxy.handle) as address:
        no_environment.setenv("HTTP_PROXY", f"http://me:canary%20p%40ss@{address}")
        answer = request(f"{host.url()}/a/b?c=d", timeout=10, authorization="Bearer token")
    assert answer.body == b"the host itself"
    assert proxy.asked == [f"GET {host.url()}/a/b?c=d HTTP/1.1"]
    assert seen[0].headers["Host"] == host.server
    assert seen[0].headers["Authorization"] == "Bearer token"


def test_a_tunnel_through_a_proxy_shows_it_nothing(
    no_environment: pytest.MonkeyPatch, authority: tuple[KeyPair, Path]
) -> None:
    pair, trusted = authority
    trust = ssl.create_default_context(cafile=str(trusted))
    proxy = Proxy("me:canary")
    with origin(pair) as (host, seen), tcp(proxy.handle) as address:
        no_environment.setenv("https_proxy", f"me:canary@{address}")
        url = f"https://{host.server}/secret"
        assert request(url, timeout=10, trust=trust, authorization="Bearer token").status == 200
        with pytest.raises(WebError, match="its certificate is not trusted"):
            request(url, timeout=10)
    assert [line.rpartition(" ")[0] for line in proxy.asked] == [f"CONNECT {host.server}"] * 2
    assert "Proxy-Authorization" not in seen[0].headers


def test_a_proxy_that_speaks_tls_itself(
    no_environment: pytest.MonkeyPatch, authority: tuple[KeyPair, Path]
) -> None:
    pair, trusted = authority
    serve = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serve.load_cert_chain(pair.certificate)
    proxy = Proxy()

    def handle(handler: StreamRequestHandler) -> None:
        with serve.wrap_socket(handler.connection, server_side=True) as secured:
            handler.connection, handler.rfile = secured, secured.makefile("rb")
            handler.wfile = secured.makefile("wb")
            proxy.handle(handler)

    no_environment.setenv("SSL_CERT_FILE", str(trusted))
    with origin() as (host, _), tcp(handle) as address:
        no_environment.setenv("HTTP_PROXY", f"https://{address}")
        assert request(f"{host.url()}/", timeout=10).body == b"the host itself"
    assert proxy.asked == [f"GET {host.url()}/ HTTP/1.1"]


def test_hosts_that_need_no_proxy(no_environment: pytest.MonkeyPatch) -> None:
    proxy = Proxy()
    with origin() as (host, _), tcp(proxy.handle) as address:
        no_environment.setenv("HTTP_PROXY", f"http://{address}")
        no_environment.setenv("NO_PROXY", "example.com,127.0.0.1")
        assert request(f"{host.url()}/", timeout=10).body == b"the host itself"
        assert proxy.asked == []
        no_environment.setenv("NO_PROXY", "example.com")
        assert request(f"{host.url()}/", timeout=10).body == b"the host itself"
        assert len(proxy.asked) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_refuses_is_named_without_its_password(
    scheme: str, no_environment: pytest.MonkeyPatch
) -> None:
    proxy = Proxy("me:right")
    with tcp(proxy.handle) as address:
        no_environment.setenv(f"{scheme}_proxy", f"http://me:canary@{address}")
        if scheme == "http":
            assert request("http://host.test/", timeout=10).status == 407
            return
        with pytest.raises(WebError) as caught:
            request("https://host.test/", timeout=10)
    assert (
        str(caught.value)
        == f"the proxy {address}: Tunnel connection failed: 407 Proxy Authentication Required"
    )


def test_a_proxy_that_is_not_there_is_named(no_environment: pytest.MonkeyPatch) -> None:
    with tcp(Proxy().handle) as address:
        pass
    no_environment.setenv("HTTP_PROXY", f"http://me:canary@{address}")
    with pytest.raises(WebError) as caught:
        request("http://host.test/", timeout=10)
    assert str(caught.value) == f"the proxy {address}: Connection refused"


@pytest.mark.parametrize("configured", ["socks5://127.0.0.1:1", "http://"])
def test_a_proxy_that_cannot_be_used_is_the_variables_fault(
    configured: str, no_environment: pytest.MonkeyPatch
) -> None:
    no_environment.setenv("HTTP_PROXY", configured)
    with pytest.raises(WebError, match=r"HTTP_PROXY: it is not the http:// or https:// address of a proxy"):
        request("http://host.test/", timeout=10)


def test_this_machine_s_authorities_are_trusted_and_can_change(
    monkeypatch: pytest.MonkeyPatch, authority: tuple[KeyPair, Path], tmp_path: Path
) -> None:
    pair, trusted = authority
    with origin(pair) as (host, _):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        for _ in range(2):
            assert request(f"https://{host.server}/", timeout=20).status == 200
        with pytest.raises(WebError, match=r"its certificate is not trusted: .*localhost"):
            request(f"https://localhost:{host.server.split(':')[1]}/", timeout=20)
        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(other)
        monkeypatch.setenv("SSL_CERT_FILE", str(other))
        with pytest.raises(WebError) as caught:
            request(f"https://{host.server}/", timeout=20)
    assert caught.value.cause is Cause.TLS


def test_threads_share_the_trust(monkeypatch: pytest.MonkeyPatch, authority: tuple[KeyPair, Path]) -> None:
    pair, trusted = authority
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    found: list[int] = []
    with origin(pair) as (host, _):
        ask = lambda: found.append(request(f"https://{host.server}/", timeout=60).status)  # noqa: E731
        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [200] * 16


def test_nothing_of_it_is_imported_before_the_first_request() -> None:
    heavy = "{'urllib3', 'ssl', 'http.client', 'email'}"
    code = f"import sys, clients.http, clients.registry, clients.charts; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
