"""HTTP servers of the tests: each is a function from a request to an answer."""

from __future__ import annotations

import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import BaseServer, ThreadingTCPServer, ThreadingUnixStreamServer
from typing import Any, Self

from trial.certificates import KeyPair

Answer = tuple[int, bytes, Mapping[str, str]]
"""Status, content, headers. A Content-Length among them that is larger than the content breaks the connection off."""


@dataclass(frozen=True)
class Request:
    """A request."""

    method: str
    path: str
    """Path with query."""
    headers: Message
    body: bytes


class HttpServer:
    """Answers on a free loopback port, or on a Unix socket, until the block ends or `stop` is called."""

    def __init__(
        self,
        answer: Callable[[Request], Answer],
        *,
        pair: KeyPair | None = None,
        socket: Path | None = None,
        keep_alive: bool = False,
    ) -> None:
        handler = type("Handler", (_Handler,), {"protocol_version": "HTTP/1.1" if keep_alive else "HTTP/1.0"})
        self._server: Any = (
            ThreadingUnixStreamServer(str(socket), handler) if socket else _Tcp(("127.0.0.1", 0), handler)
        )
        self._server.answer = answer  # read by the handler
        self._server.daemon_threads = True
        self.server = "" if socket else f"127.0.0.1:{self._server.socket.getsockname()[1]}"
        """Host and port, where it is not a socket."""
        if pair:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.certificate, pair.key)
            # Each connection's thread shakes hands, so that a silent client holds up nobody.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Base URL of a server without a certificate."""
        return f"http://{self.server}"

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Tcp(ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that give up are part of the tests."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: BaseServer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def address_string(self) -> str:
        return "client"

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self) -> None:
        body = self._body()
        if len(body) < int(self.headers.get("Content-Length") or 0):
            self.close_connection = True
            return
        request = Request(self.command, self.path, self.headers, body)
        status, content, headers = self.server.answer(request)  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
            self.close_connection |= int(headers.get("Content-Length", 0)) > len(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - names of the base class
