"""A Docker engine, by the two requests of its API that are needed here: `GET /_ping` and `POST /images/create`.

Written on http.client, because urllib3 has no connections over Unix sockets and ssh. Addresses are those of Docker's own clients: unix://, tcp:// (with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH) and ssh://.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import shlex
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from clients.errors import Cause, RemoteError
from clients.registry import Login

DEFAULT_ENGINE = "unix:///var/run/docker.sock"
"""Where Docker's own clients look for an engine."""


class EngineError(RemoteError):
    """No engine answered, it refused, or it cannot be asked from here (UNVERIFIED)."""


def engine_address(configured: str | None) -> str:
    """The engine that Docker's own clients would take: the configured one, else that of DOCKER_HOST, else the default."""
    return configured or os.environ.get("DOCKER_HOST") or DEFAULT_ENGINE


def ping(engine: str, *, timeout: float) -> None:
    """Ask an engine for a sign of life within ``timeout`` seconds. Raises EngineError."""
    with _answer(engine, "GET", "/_ping", {}, timeout=timeout) as answer:
        answer.read()
        if answer.status != 200:
            raise EngineError(Cause.UNREACHABLE, f"HTTP {answer.status}")


def pull(engine: str, image: str, *, platform: str, server: str, login: Login | None, timeout: float) -> None:
    """Pull an image (a name with a tag or a digest) into an engine that may go silent for ``timeout`` seconds at most.

    ``login`` is that of the registry ``server``; it travels in the request's header alone (docs.docker.com, Engine API, ImageCreate). Raises EngineError.
    """
    path = "/images/create?" + urlencode({"fromImage": image, "platform": platform})
    headers = {"X-Registry-Auth": _encoded(server, login)} if login else {}
    with _answer(engine, "POST", path, headers, timeout=timeout) as answer:
        if answer.status != 200:
            raise EngineError(Cause.OTHER, _message(answer.read()) or f"HTTP {answer.status}")
        for line in answer:
            found = _decoded(line)
            if "error" in found:
                raise EngineError(Cause.OTHER, str(found["error"]).strip().splitlines()[0])


def _encoded(server: str, login: Login) -> str:
    content = {"serveraddress": server, "username": login.username, "password": login.password}
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def _message(body: bytes) -> str:
    return str(_decoded(body).get("message", "")).strip()


def _decoded(text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def _answer(
    engine: str, method: str, path: str, headers: Mapping[str, str], *, timeout: float
) -> Iterator[http.client.HTTPResponse]:
    connection = _connection(engine, timeout=timeout)
    try:
        connection.request(method, path, headers=dict(headers))
        with connection.getresponse() as answer:
            yield answer
    except TimeoutError:
        raise EngineError(Cause.UNREACHABLE, f"no answer within {timeout:.0f} s") from None
    except (OSError, http.client.HTTPException) as error:
        text = _reason(connection) or getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise EngineError(Cause.UNREACHABLE, str(text)) from None
    finally:
        connection.close()
        if isinstance(connection, _SshConnection):
            connection.end()


def _connection(engine: str, *, timeout: float) -> http.client.HTTPConnection:
    try:
        parts = urlsplit(engine)
        port = parts.port
    except ValueError:
        raise EngineError(Cause.UNREACHABLE, "its address has a host or a port that cannot be read") from None
    if parts.scheme == "unix":
        return _UnixConnection(parts.path, timeout=timeout)
    if parts.scheme in {"tcp", "http", "https"}:
        secure = parts.scheme == "https"
        return _tcp(parts.hostname or "localhost", port, secure=secure, timeout=timeout)
    if parts.scheme == "ssh":
        return _SshConnection(engine, timeout=timeout)
    raise EngineError(Cause.UNVERIFIED, f"addresses with {parts.scheme}:// cannot be checked")


def _reason(connection: http.client.HTTPConnection) -> str | None:
    return connection.reason() if isinstance(connection, _SshConnection) else None


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


class _SshConnection(http.client.HTTPConnection):
    """As Docker's own clients do: `docker system dial-stdio` on the other side joins the stream to the engine's socket."""

    def __init__(self, engine: str, *, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._engine, self._seconds = engine, timeout
        self._ssh: subprocess.Popen[bytes] | None = None
        self._said: list[str] = []

    def connect(self) -> None:
        parts = urlsplit(self._engine)
        target = f"{parts.username}@{parts.hostname}" if parts.username else str(parts.hostname)
        port = ["-p", str(parts.port)] if parts.port else []
        options = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={max(1, int(self._seconds))}"]
        command = ["ssh", *options, *port, "--", target, shlex.join(["docker", "system", "dial-stdio"])]
        self.sock, theirs = socket.socketpair()
        with theirs:
            ends = theirs.fileno()
            self._ssh = subprocess.Popen(command, stdin=ends, stdout=ends, stderr=subprocess.PIPE)
        self.sock.settimeout(self._seconds)

    def reason(self) -> str:
        """What ssh said last; it says nothing while it works."""
        self.end()
        return self._said[-1] if self._said else "no engine behind it"

    def end(self) -> None:
        """End ssh. Not part of `close`, which comes before the body of an answer that ends with its connection."""
        self.close()
        if self._ssh is not None:
            self._ssh.terminate()
            _, errors = self._ssh.communicate()
            self._said = errors.decode(errors="replace").strip().splitlines()
            self._ssh = None
