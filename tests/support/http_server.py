"""HTTP servers of the tests: each is a function from a request to an answer, behind Werkzeug's server."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import werkzeug
from werkzeug.serving import WSGIRequestHandler, make_server

from trial.certificates import KeyPair

Answer = tuple[int, bytes, Mapping[str, str]]
"""Status, content, headers. A Content-Length among them that is larger than the content breaks the connection off."""


class Request(werkzeug.Request):
    """A request."""

    @property
    def target(self) -> str:
        """Path with query, as it was sent."""
        return str(self.environ["REQUEST_URI"])


class HttpServer:
    """Answers on a free loopback port, or on a Unix socket, until the block ends or `stop` is called."""

    def __init__(
        self, answer: Callable[[Request], Answer], *, pair: KeyPair | None = None, socket: Path | None = None
    ) -> None:
        self.delay: float = 0
        """Seconds before every answer."""
        self.asked: list[str] = []
        """Path with query of every request."""
        self.bytes_sent = 0
        """Bytes of all answers."""

        def application(environ: Any, start_response: Any) -> Any:
            request = Request(environ)
            self.asked.append(request.target)
            request.get_data()  # keeps it; raises ClientDisconnected if it does not come in full
            time.sleep(self.delay)
            status, content, headers = answer(request)
            self.bytes_sent += len(content)
            start_response(str(status), [*{"Content-Length": str(len(content)), **headers}.items()])
            return [] if request.method == "HEAD" else [content]

        host = f"unix://{socket}" if socket else "127.0.0.1"
        self._server: Any = make_server(host, 0, application, threaded=True, request_handler=_Silent)
        self.server = "" if socket else f"127.0.0.1:{self._server.port}"
        """Host and port, where it is not a socket."""
        if pair:
            self._server.ssl_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._server.ssl_context.load_cert_chain(pair.certificate, pair.key)
            # Each connection's thread shakes hands, so that a silent client holds up nobody.
            self._server.socket = self._server.ssl_context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, path: str = "") -> str:
        """URL of a path, or of the server."""
        scheme = "https" if self._server.ssl_context else "http"
        return f"{scheme}://{self.server}" + (f"/{path}" if path else "")

    def forget(self) -> None:
        """Count requests and bytes from now on."""
        self.asked.clear()
        self.bytes_sent = 0

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass
