"""A real Git server for tests: `git http-backend` behind HTTPS with basic authentication, and knobs for what hosts differ in.

It counts requests and bytes, so that a test can say what a look costs.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from trial.certificates import Authority, Certificate, KeyPair

HOST = "127.0.0.1"


@dataclass
class Seen:
    """One request that the server answered."""

    method: str
    path: str
    status: int
    sent: int
    authorised: bool


@dataclass
class GitServer:
    """The server; change its fields while it runs."""

    root: Path
    """Folder with the bare repositories."""
    pair: KeyPair
    """Certificate and key."""
    authority: Path
    """PEM file of the certificate authority."""
    grants: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Repository ("org/dags.git") -> (login, token) pairs; a repository that is not listed is public."""
    hidden: set[str] = field(default_factory=set)
    """Repositories that answer 404 to everybody."""
    nonsense: set[str] = field(default_factory=set)
    """Repositories that answer with an error that no Git host gives."""
    filters: bool = True
    """Whether partial clones are served."""
    any_commit: bool = True
    """Whether single commits are served (over protocol v2 Git serves them always)."""
    protocol_2: bool = True
    """Whether protocol version 2 is spoken."""
    delay: float = 0
    """Seconds before every answer."""
    stalled: set[str] = field(default_factory=set)
    """Commits of which the server never sends anything: it is busy until it stops."""
    app_token: str | None = None
    """Token that the stand-in of GitHub's API mints; None: no such API."""
    assertions: list[str] = field(default_factory=list)
    """Bearer tokens that the stand-in of GitHub's API was shown."""
    seen: list[Seen] = field(default_factory=list)
    """Every request since the last `forget`."""

    def start(self) -> GitServer:
        """Listen on a free loopback port."""
        self._stopped = threading.Event()
        self._server = _Quiet((HOST, 0), _handler(self))
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pair.certificate, self.pair.key)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer_late(self, body: bytes) -> None:
        """Wait as long as a busy server would take for what a request wants."""
        if self.delay:
            time.sleep(self.delay)
        if any(b"want " + commit.encode() in body for commit in self.stalled):
            self._stopped.wait()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{HOST}:{self._server.server_address[1]}"

    def url(self, repository: str) -> str:
        """Clone URL of a repository."""
        return f"https://{self.address}/{repository}"

    def forget(self) -> None:
        """Start counting anew."""
        self.seen.clear()

    @property
    def bytes_sent(self) -> int:
        """Bytes of all answers since the last `forget`."""
        return sum(item.sent for item in self.seen)


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that give up are part of the tests."""


def serve(folder: Path) -> GitServer:
    """A server with an empty folder of repositories and a certificate of its own authority."""
    root = folder / "repositories"
    root.mkdir(parents=True)
    authority = Authority(folder / "certificates", name="git test")
    pairs = authority.ensure([Certificate("git", "git", hosts=(HOST, "localhost"))])
    return GitServer(root=root, pair=pairs["git"], authority=authority.pair.certificate).start()


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                self._answer(self._chunks())
            else:
                self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _chunks(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _answer(self, body: bytes) -> None:
            server.answer_late(body)
            path, _, query = self.path.partition("?")
            repository = path.lstrip("/").split(".git/")[0] + ".git"
            login = self._login()
            if path.startswith("/api/v3/app/installations/"):
                self._mint()
            elif repository in server.hidden or not (server.root / repository).is_dir():
                self._reply(404, b"not found\n")
            elif repository in server.nonsense:
                self._reply(400, b"<html>What?</html>", {"Content-Type": "text/html"})
            elif repository in server.grants and login not in server.grants[repository]:
                self._reply(401, b"authentication required\n", {"WWW-Authenticate": 'Basic realm="git"'})
            else:
                self._backend(path, query, body)

        def _login(self) -> tuple[str, str] | None:
            kind, _, value = self.headers.get("Authorization", "").partition(" ")
            if kind != "Basic":
                return None
            login, _, password = base64.b64decode(value).decode().partition(":")
            return login, password

        def _mint(self) -> None:
            server.assertions.append(self.headers.get("Authorization", "").removeprefix("Bearer "))
            if server.app_token is None:
                self._reply(401, b'{"message": "A JSON web token could not be decoded"}')
            else:
                self._reply(201, json.dumps({"token": server.app_token}).encode())

        def _backend(self, path: str, query: str, body: bytes) -> None:
            config = {
                "uploadpack.allowFilter": str(server.filters).lower(),
                "uploadpack.allowAnySHA1InWant": str(server.any_commit).lower(),
                "safe.directory": "*",
                **({} if server.protocol_2 else {"protocol.version": "0"}),
            }
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_CONFIG_COUNT": str(len(config)),
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", "") if server.protocol_2 else "",
            }
            for number, (key, value) in enumerate(config.items()):
                environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
            ended = subprocess.run(
                ["git", "http-backend"], env=environment, input=body, capture_output=True, check=False
            )
            head, _, content = ended.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
            status = int(headers.pop("Status", "200").split()[0])
            self._reply(status, content, headers)

        def _reply(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
            seen = Seen(self.command, self.path, status, len(content), "Authorization" in self.headers)
            server.seen.append(seen)
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
