"""A faulty proxy on loopback in front of one real part of the trial: one request per connection, faults at will."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PIECE = 64 * 1024
_SLOW = 1.0
"""Seconds before each answer of a slow host."""
_QUIET = 2.0
"""Seconds without content after which an answer that is to be cut is taken to be complete."""

STATUSES = {
    200: "OK", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error",
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """What a host does instead of answering as it should."""

    kind: str
    """"down", "hanging", "slow", "half", "certificate", "status", or "disk full"."""
    status: int = 0
    """HTTP status of "status"."""
    content: bytes | None = None
    """Content of a "status"; None for that of an API server."""
    whole: bool = False
    """Whether a host that hangs at one request answers no other one either."""

    @property
    def name(self) -> str:
        """For people."""
        return self.kind if self.kind != "status" else str(self.status)


@dataclass(frozen=True)
class Upstream:
    """The real part."""

    address: tuple[str, int] | str
    """Host and port, or the path of a Unix socket."""
    trust: ssl.SSLContext | None = None
    """For a part that speaks TLS; its client certificate, if any, is that of the proxy."""

    def connect(self) -> socket.socket:
        """A connection to it. Raises OSError."""
        if isinstance(self.address, str):
            plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            plain.connect(self.address)
            return plain
        plain = socket.create_connection(self.address, timeout=30)
        plain.settimeout(None)
        if self.trust is None:
            return plain
        return self.trust.wrap_socket(plain, server_hostname=self.address[0])


Applies = Callable[[str, str], bool]
"""(method, path) -> whether the fault concerns this request."""


def always(_method: str, _path: str) -> bool:
    """Every request."""
    return True


class Proxy:
    """Listens on a free loopback port until `close`."""

    def __init__(
        self,
        upstream: Upstream,
        *,
        serve: ssl.SSLContext | None = None,
        strange: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        replace: tuple[bytes, bytes] | None = None,
    ) -> None:
        self._upstream, self._serve, self._strange, self._host = upstream, serve, strange, host
        self._replace = replace
        self._fault: Fault | None = None
        self._applies: Applies = always
        self.hits = 0
        """Requests that the fault has met."""
        self._open: set[socket.socket] = set()
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    @property
    def server(self) -> str:
        """Host and port."""
        return f"{self._host}:{self.port}"

    def answers_with(self, replaced: bytes) -> None:
        """Replace this address in answers by that of the proxy; both have the same length, as all ports here have."""
        own = self.server.encode()
        if len(own) != len(replaced):
            raise ValueError(f"{replaced!r} is not as long as {own!r}")
        self._replace = (replaced, own)

    def break_with(self, fault: Fault, applies: Applies = always) -> None:
        """From now on, the requests that ``applies`` names meet the fault."""
        self.hits, self._fault, self._applies = 0, fault, applies
        if fault.kind == "down":
            self._stop_listening()

    def heal(self) -> None:
        """Pass everything on again, and end what hangs."""
        self._fault = None
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        if self._listener.fileno() < 0:
            self._listener = self._listen(self.port)

    def close(self) -> None:
        """Stop listening."""
        self.heal()
        self._stop_listening()

    def _stop_listening(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server((self._host, port), backlog=128)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=(connection,), daemon=True).start()

    def _serve_one(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            client = connection
            context = self._serve
            if self._fault is not None and self._fault.kind == "certificate":
                self.hits += 1
                context = self._strange
            if context is not None:
                client = context.wrap_socket(connection, server_side=True)
            self._open.add(client)
            try:
                self._answer(client)
            finally:
                self._open.discard(client)
                client.close()
        connection.close()

    def _answer(self, client: socket.socket) -> None:
        head = _head(client)
        if not head:
            return
        method, path, *_ = [*head.split(b"\r\n", 1)[0].decode("latin-1").split(" "), "", ""]
        fault = self._fault
        silent = fault is not None and fault.whole and self.hits > 0
        if fault is None or fault.kind == "certificate" or not (silent or self._applies(method, path)):
            self._pass_on(client, head)
            return
        self.hits += 1
        if fault.kind == "slow":
            time.sleep(_SLOW)
            self._pass_on(client, head)
        elif fault.kind == "half":
            client.sendall(self._half(client, head))
        elif fault.kind in {"status", "disk full"}:
            client.sendall(_refusal(fault))
            _drain(client)
        else:
            while client.recv(_PIECE):  # until the client gives up, or `heal` ends it
                pass

    def _pass_on(self, client: socket.socket, head: bytes) -> None:
        with contextlib.closing(self._upstream.connect()) as upstream:
            upstream.sendall(_one_request(head))
            ends = {client: upstream, upstream: client}
            while True:
                for end in _readable(client, upstream):
                    content = _receive(end)
                    if content is None:
                        continue
                    if not content:
                        if end is upstream:
                            return
                        with contextlib.suppress(OSError):
                            upstream.shutdown(socket.SHUT_WR)
                        _rest(upstream, client)
                        return
                    if end is upstream and self._replace is not None:
                        content = content.replace(*self._replace)
                    ends[end].sendall(content)

    def _half(self, client: socket.socket, head: bytes) -> bytes:
        with contextlib.closing(self._upstream.connect()) as upstream:
            upstream.sendall(_one_request(head))
            content = b""
            while select.select([client, upstream], [], [], _QUIET)[0]:
                for end in _readable(client, upstream):
                    piece = _receive(end)
                    if piece is None:
                        continue
                    if end is client and piece:
                        upstream.sendall(piece)
                    elif not piece:
                        return content[: max(len(content) // 2, content.find(b"\r\n\r\n") + 5)][:-1]
                    else:
                        content += piece
            return content[: len(content) // 2]


def _head(client: socket.socket) -> bytes:
    """A request's head, with whatever came with it."""
    content = b""
    while b"\r\n\r\n" not in content:
        piece = client.recv(_PIECE)
        if not piece:
            return b""
        content += piece
    return content


def _one_request(head: bytes) -> bytes:
    """The head with `Connection: close`, so that the next request comes over another connection; upgrades stay."""
    lines, _, rest = head.partition(b"\r\n\r\n")
    names = [line.split(b":", 1)[0].strip().lower() for line in lines.split(b"\r\n")]
    if b"upgrade" in names:
        return head
    kept = [line for line, name in zip(lines.split(b"\r\n"), names, strict=True) if name != b"connection"]
    return b"\r\n".join([*kept, b"Connection: close"]) + b"\r\n\r\n" + rest


def _readable(*ends: socket.socket) -> list[socket.socket]:
    waiting: list[socket.socket] = [end for end in ends if isinstance(end, ssl.SSLSocket) and end.pending()]
    return waiting or select.select(ends, [], [])[0]


def _receive(end: socket.socket) -> bytes | None:
    """What a readable end sent, b"" at its end; None for a record of TLS itself, such as a session ticket."""
    end.setblocking(False)
    try:
        return end.recv(_PIECE)
    except (ssl.SSLWantReadError, BlockingIOError):
        return None
    finally:
        end.setblocking(True)


def _rest(source: socket.socket, target: socket.socket) -> None:
    while content := source.recv(_PIECE):
        target.sendall(content)


def _drain(client: socket.socket) -> None:
    """Read what is still being sent, so that the answer is not lost in a reset connection."""
    client.settimeout(1)
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_WR)
        while client.recv(_PIECE):
            pass


def _refusal(fault: Fault) -> bytes:
    reason = STATUSES[fault.status]
    default = json.dumps(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason, "code": fault.status}
    )
    content = default.encode() if fault.content is None else fault.content
    lines = [
        f"HTTP/1.1 {fault.status} {reason}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    ]
    if fault.status == 429:
        lines.append("Retry-After: 2")
    if fault.status == 401:
        lines.append('WWW-Authenticate: Basic realm="drill"')
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + content


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS of a server; HTTP/1.1 only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    return context
