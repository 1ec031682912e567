"""Whether a Docker engine answers, using the request that every engine serves: `GET /_ping` (Docker Engine API)."""

from __future__ import annotations

import http.client
import os
import re
import shlex
import socket
import ssl
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from clients.errors import Cause, RemoteError

DEFAULT_ENGINE = "unix:///var/run/docker.sock"
"""The engine that Docker's own clients use by default."""


class EngineError(RemoteError):
    """No engine answered, or its address cannot be checked (UNVERIFIED)."""


def ping(engine: str, *, timeout: float) -> None:
    """Ping an engine (unix://, tcp:// or ssh://) within ``timeout`` seconds. Raises EngineError."""
    parts = urlsplit(engine)
    try:
        if parts.scheme == "unix":
            _ask(_UnixConnection(parts.path, timeout=timeout))
        elif parts.scheme in {"tcp", "http", "https"}:
            _ask(
                _tcp(
                    parts.hostname or "localhost", parts.port, secure=parts.scheme == "https", timeout=timeout
                )
            )
        elif parts.scheme == "ssh":
            _ask_over_ssh(engine, timeout=timeout)
        else:
            raise EngineError(Cause.UNVERIFIED, f"addresses with {parts.scheme}:// cannot be checked")
    except TimeoutError:
        raise EngineError(Cause.UNREACHABLE, f"no answer within {timeout:.0f} s") from None
    except (OSError, http.client.HTTPException) as error:
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise EngineError(Cause.UNREACHABLE, str(text)) from None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, *, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _tcp(host: str, port: int | None, *, secure: bool, timeout: float) -> http.client.HTTPConnection:
    """With DOCKER_TLS_VERIFY and the certificates of DOCKER_CERT_PATH, as Docker's own clients do."""
    if not secure and not os.environ.get("DOCKER_TLS_VERIFY"):
        return http.client.HTTPConnection(host, port or 2375, timeout=timeout)
    folder = Path(os.environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker")
    authority = folder / "ca.pem"
    context = ssl.create_default_context(cafile=str(authority) if authority.is_file() else None)
    if (folder / "cert.pem").is_file():
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return http.client.HTTPSConnection(host, port or 2376, timeout=timeout, context=context)


def _ask(connection: http.client.HTTPConnection) -> None:
    try:
        connection.request("GET", "/_ping")
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise EngineError(Cause.UNREACHABLE, f"HTTP {answer.status}")
    finally:
        connection.close()


def _ask_over_ssh(engine: str, *, timeout: float) -> None:
    """Like Docker's own clients: `docker system dial-stdio` on the remote side connects the stream to the engine's socket."""
    parts = urlsplit(engine)
    target = f"{parts.username}@{parts.hostname}" if parts.username else str(parts.hostname)
    port = ["-p", str(parts.port)] if parts.port else []
    options = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={max(1, int(timeout))}"]
    remote = shlex.join(["docker", "system", "dial-stdio"])
    request = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
    try:
        ended = subprocess.run(
            ["ssh", *options, *port, "--", target, remote],
            input=request,
            capture_output=True,
            check=False,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        raise EngineError(Cause.UNREACHABLE, f"no answer within {timeout:.0f} s") from None
    if not re.match(rb"HTTP/1\.[01] 200", ended.stdout):
        lines = ended.stderr.decode(errors="replace").strip().splitlines()
        raise EngineError(Cause.UNREACHABLE, lines[-1] if lines else "no engine answers behind it")
