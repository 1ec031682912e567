"""Requests over HTTP, asked of real servers."""

from __future__ import annotations

import contextlib
import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from clients.errors import Cause
from clients.http import WebError, is_loopback, request, stream
from tests.support.git_server import serve
from tests.support.http_server import Answer as Answered
from tests.support.http_server import HttpServer, Request

Reply = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def server(reply: Reply) -> Iterator[str]:
    """URL of a server that answers every request in one way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply(self)

        def do_HEAD(self) -> None:
            reply(self)

        def do_POST(self) -> None:
            reply(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def no_http(handler: BaseHTTPRequestHandler) -> None:
    """What a server that expects TLS says."""
    handler.wfile.write(b"\x15\x03\x01\r\n")


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    """Answer a request."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_every_status_is_an_answer(status: int) -> None:
    with server(lambda handler: send(handler, status, b"text")) as url:
        answer = request(url, timeout=5)
    assert (answer.status, answer.body) == (status, b"text")


def test_a_host_that_asks_to_wait_is_asked_again() -> None:
    answers = iter((429, 200))
    with server(lambda handler: send(handler, next(answers), b"", **{"Retry-After": "1"})) as url:
        start = time.monotonic()
        assert request(url, timeout=30).status == 200
    assert 1 <= time.monotonic() - start < 20


@pytest.mark.parametrize(
    ("status", "wait", "refusal"),
    [
        (429, "60", "HTTP 429, and it asks to wait 60 s"),
        (503, "1", "HTTP 503, and it asks to wait 1 s"),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT", "HTTP 429"),
        (500, "1", "HTTP 500"),
    ],
)
def test_a_host_that_refuses_is_reported_with_the_wait(status: int, wait: str, refusal: str) -> None:
    asked = []

    def reply(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        send(handler, status, b"", **{"Retry-After": wait})

    with server(reply) as url:
        assert request(url, timeout=20).refusal == refusal
    assert len(asked) == (2 if status == 503 else 1)


def test_half_an_answer_and_no_http_at_all() -> None:
    def half(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"half")

    with server(half) as url, pytest.raises(WebError, match="its answer ended early"):
        request(url, timeout=20)
    with server(no_http) as url, pytest.raises(WebError, match="its answer is not HTTP"):
        request(url, timeout=20)


def test_the_method_is_sent() -> None:
    with server(lambda handler: send(handler, 200, handler.command.encode())) as url:
        assert request(url, timeout=5, method="POST").body == b"POST"
        assert request(url, timeout=5, method="HEAD").body == b""


def test_credentials_stay_with_the_host_that_was_asked() -> None:
    seen: list[str | None] = []

    def other(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers.get("Authorization"))
        send(handler, 200)

    def first(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers.get("Authorization"))
        send(handler, 302, Location=elsewhere)

    with server(other) as elsewhere, server(first) as url:
        request(url, timeout=5, authorization="Bearer canary")
    assert seen == ["Bearer canary", None]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_with_nothing_that_could_be_a_credential(status: int) -> None:
    seen: list[Request] = []

    def other(asked: Request) -> Answered:
        seen.append(asked)
        return 200, b"there", {}

    with (
        HttpServer(other) as elsewhere,
        HttpServer(lambda _: (status, b"", {"Location": f"{elsewhere.url()}/b c"})) as host,
    ):
        headers = {"Accept": "text/plain", "PRIVATE-TOKEN": "canary"}
        assert request(host.url(), timeout=20, headers=headers).body == b"there"
    assert (seen[0].target, seen[0].headers["Accept"]) == ("/b%20c", "text/plain")
    assert "canary" not in str(seen[0].headers)


def test_a_form_becomes_a_get_and_other_content_stays_here() -> None:
    seen: list[Request] = []

    def answer(asked: Request) -> Answered:
        seen.append(asked)
        return (200, b"", {}) if asked.path == "/there" else (302, b"", {"Location": "/there"})

    with HttpServer(answer) as host:
        assert request(host.url(), timeout=20, method="POST", body=b"canary").status == 200
        assert [(asked.method, asked.get_data()) for asked in seen] == [("POST", b"canary"), ("GET", b"")]
        assert request(host.url(), timeout=20, method="PUT", body=b"canary").status == 302
        assert request(host.url(), timeout=20, method="PATCH", body=b"canary").status == 302
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("location", "wrong"),
    [("/", "it redirects 10 times and more"), ("file:///etc/passwd", "neither http:// nor https://")],
)
def test_a_redirect_that_leads_nowhere(location: str, wrong: str) -> None:
    with (
        HttpServer(lambda _: (302, b"", {"Location": location})) as host,
        pytest.raises(WebError, match=wrong),
    ):
        request(host.url(), timeout=20)


def test_an_answer_has_a_largest_size() -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(bytes(1024 * 1024))

    with server(endless) as url, pytest.raises(WebError, match="the answer is larger than 64 MiB"):
        request(url, timeout=60)


def test_headers_are_found_by_names_in_any_case() -> None:
    def twice(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(401)
        handler.send_header("www-authenticate", 'Basic realm="a"')
        handler.send_header("WWW-Authenticate", 'Bearer realm="b"')
        handler.end_headers()

    with server(twice) as url:
        assert request(url, timeout=20).headers["Www-Authenticate"] == 'Basic realm="a", Bearer realm="b"'


def test_content_is_passed_on_as_it_is_sent() -> None:
    """A digest is that of these bytes."""
    packed = gzip.compress(b"content")
    with HttpServer(lambda _: (200, packed, {"Content-Encoding": "gzip"})) as host:
        assert request(host.url(), timeout=20).body == packed


def test_a_stream_is_sent_on_and_its_faults_are_its_own() -> None:
    received: list[bytes] = []

    def take(asked: Request) -> Answered:
        received.append(asked.get_data())
        return 201, b"", {}

    content = bytes(range(256)) * 1000
    with HttpServer(take) as target:
        headers = {"Content-Length": str(len(content))}
        with HttpServer(lambda _: (200, content, {})) as source, stream(source.url(), timeout=20) as found:
            done = request(target.url(), timeout=20, method="PUT", headers=headers, body=found.content)
        assert (done.status, received) == (201, [content])
        broken = {"Content-Length": str(len(content) + 1)}
        with (
            HttpServer(lambda _: (200, content, broken)) as source,
            stream(source.url(), timeout=20) as found,
            pytest.raises(WebError, match="its answer ended early"),
        ):
            request(target.url(), timeout=20, method="PUT", headers=broken, body=found.content)
    assert len(received) == 1


def test_errors_of_whoever_reads_a_stream_are_theirs() -> None:
    with (
        HttpServer(lambda _: (200, b"x", {})) as host,
        pytest.raises(IsADirectoryError),
        stream(host.url(), timeout=20),
    ):
        Path("/").read_bytes()


def test_a_trickle_ends_at_the_limit() -> None:
    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        for _ in range(100):
            try:
                handler.wfile.write(b"x" * 70_000)
            except OSError:
                return
            time.sleep(0.1)

    with server(trickle) as url, pytest.raises(WebError) as caught:
        request(url, timeout=0.5)
    assert caught.value.cause is Cause.TIMEOUT


def test_nobody_answers() -> None:
    with server(lambda handler: send(handler, 200)) as url:
        pass
    with pytest.raises(WebError) as caught:
        request(url, timeout=5)
    assert caught.value.cause is Cause.UNREACHABLE


def test_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    git = serve(tmp_path)
    with pytest.raises(WebError) as caught:
        request(git.url("a.git"), timeout=5)
    git.stop()
    assert caught.value.cause is Cause.TLS


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.2:80", True),
        ("[::1]:80", True),
        ("a.example.com", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
