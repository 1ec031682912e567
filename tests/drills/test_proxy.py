"""The faulty proxy in front of a small host."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from clients.errors import Cause
from clients.http import WebError, request
from drills.proxy import STATUSES, Fault, Proxy, Upstream, server_context
from tests.support.http_server import HttpServer
from trial.certificates import KeyPair

CONTENT = b'{"address": "%s"}' + b" " * 1000


@pytest.fixture
def host() -> Iterator[HttpServer]:
    """A host that says its own address."""
    found: HttpServer
    with HttpServer(lambda *_: (200, CONTENT % found.server.encode(), {})) as found:
        yield found


@pytest.fixture
def proxy(host: HttpServer) -> Iterator[Proxy]:
    """A proxy in front of it."""
    address, port = host.server.split(":")
    strange = trustme.CA().issue_cert("127.0.0.1")
    with strange.private_key_and_cert_chain_pem.tempfile() as path:
        found = Proxy(Upstream((address, int(port))), strange=server_context(Path(path), Path(path)))
    yield found
    found.close()


def _ask(proxy: Proxy, *, timeout: float = 10) -> bytes:
    answer = request(f"http://{proxy.server}/some/path", timeout=timeout)
    assert answer.status == 200, answer.status
    return answer.body


def test_without_a_fault_everything_passes(proxy: Proxy, host: HttpServer) -> None:
    assert host.server.encode() in _ask(proxy)
    assert len(host.asked) == 1


def test_addresses_can_be_those_of_the_proxy(proxy: Proxy, host: HttpServer) -> None:
    if len(proxy.server) == len(host.server):
        proxy.answers_with(host.server.encode())
        assert proxy.server.encode() in _ask(proxy)
    with pytest.raises(ValueError, match="not as long"):
        proxy.answers_with(b"127.0.0.1:1")


def test_down_and_up_again(proxy: Proxy) -> None:
    proxy.break_with(Fault("down"))
    with pytest.raises(WebError, match="Connection refused"):
        _ask(proxy)
    proxy.heal()
    assert _ask(proxy)


def test_hanging_until_it_is_healed(proxy: Proxy) -> None:
    proxy.break_with(Fault("hanging"))
    with pytest.raises(WebError) as error:
        _ask(proxy, timeout=1)
    assert error.value.cause is Cause.TIMEOUT
    assert proxy.hits == 1
    threading.Timer(0.3, proxy.heal).start()
    with pytest.raises(WebError, match=r"closed connection|reset"):
        _ask(proxy, timeout=20)
    assert _ask(proxy)


def test_a_host_that_hangs_at_one_request_answers_no_other(proxy: Proxy) -> None:
    proxy.break_with(Fault("hanging", whole=True), lambda method, _path: method == "POST")
    assert _ask(proxy)
    for method in ("POST", "GET"):
        with pytest.raises(WebError) as error:
            request(f"http://{proxy.server}/", timeout=1, method=method)
        assert error.value.cause is Cause.TIMEOUT


def test_slow_is_still_right(proxy: Proxy, host: HttpServer) -> None:
    proxy.break_with(Fault("slow"))
    assert host.server.encode() in _ask(proxy)
    assert proxy.hits == 1


@pytest.mark.parametrize("status", sorted(set(STATUSES) - {200}))
def test_statuses(proxy: Proxy, status: int, host: HttpServer) -> None:
    proxy.break_with(Fault("status", status))
    answer = request(f"http://{proxy.server}/", timeout=10)
    assert answer.status == status
    assert (answer.headers.get("Retry-After") is not None) == (status == 429)
    assert not host.asked


def test_half_an_answer_is_noticed(proxy: Proxy) -> None:
    proxy.break_with(Fault("half"))
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    connection.request("GET", "/")
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()
    connection.close()


def test_a_certificate_of_another_authority(proxy: Proxy) -> None:
    proxy.break_with(Fault("certificate"))
    with pytest.raises(WebError) as error:
        request(f"https://{proxy.server}/", timeout=10, trust=ssl.create_default_context())
    assert error.value.cause is Cause.TLS


def test_a_fault_of_some_requests_only(proxy: Proxy) -> None:
    proxy.break_with(Fault("status", 500), lambda method, path: method == "PUT" and path == "/some/path")
    assert _ask(proxy)
    answer = request(f"http://{proxy.server}/some/path", timeout=10, method="PUT", body=b"content")
    assert answer.status == 500


def test_a_large_request_over_tls_on_both_sides(tmp_path: Path) -> None:
    authority = trustme.CA()
    with authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.tempfile() as name:
        pair = Path(name)
        serve = server_context(pair, pair)
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        with HttpServer(
            lambda request: (200, str(len(request.get_data())).encode(), {}), pair=KeyPair(pair, pair)
        ) as server:
            host, port = server.server.split(":")
            proxy = Proxy(Upstream((host, int(port)), trust), serve=serve)
            try:
                body = b"x" * 3_000_000
                answer = request(
                    f"https://{proxy.server}/", timeout=20, method="POST", body=body, trust=trust
                )
            finally:
                proxy.close()
    assert answer.body == b"3000000"
