"""A real Git server for tests: `git http-backend` behind HTTPS with basic authentication, and knobs for what hosts differ in.

It counts requests and bytes, so that a test can say what a check costs.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.http_server import Answer, HttpServer, Request
from trial.certificates import Authority, Certificate, KeyPair


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
    """Token that the stand-in of GitHub's API issues; None: no such API."""
    assertions: list[str] = field(default_factory=list)
    """Bearer tokens that the stand-in of GitHub's API received."""
    asked: list[tuple[str, int]] = field(default_factory=list)
    """(path, bytes of the answer) of every request."""

    def __post_init__(self) -> None:
        """Listen on a free loopback port."""
        self._stopped = threading.Event()
        self._server = HttpServer(self._answered, pair=self.pair, keep_alive=True)
        self.address = self._server.server
        """Host and port."""

    def stop(self) -> None:
        """Stop listening."""
        self._stopped.set()
        self._server.stop()

    def url(self, repository: str) -> str:
        """Clone URL of a repository."""
        return f"https://{self.address}/{repository}"

    @property
    def bytes_sent(self) -> int:
        """Bytes of all answers."""
        return sum(size for _, size in self.asked)

    def _answered(self, request: Request) -> Answer:
        # A busy server takes its time, or does not come to an end.
        if self.delay:
            time.sleep(self.delay)
        if any(b"want " + commit.encode() in request.body for commit in self.stalled):
            self._stopped.wait()
        found = self._answer(request)
        self.asked.append((request.path, len(found[1])))
        return found

    def _answer(self, request: Request) -> Answer:
        path, _, query = request.path.partition("?")
        repository = path.lstrip("/").split(".git/")[0] + ".git"
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if path.startswith("/api/v3/app/installations/"):
            return self._mint(given)
        if repository in self.hidden or not (self.root / repository).is_dir():
            return 404, b"not found\n", {}
        if repository in self.nonsense:
            return 400, b"<html>What?</html>", {"Content-Type": "text/html"}
        if repository in self.grants:
            login, _, password = base64.b64decode(given if kind == "Basic" else "").decode().partition(":")
            if (login, password) not in self.grants[repository]:
                return 401, b"authentication required\n", {"WWW-Authenticate": 'Basic realm="git"'}
        return self._backend(request, path, query)

    def _mint(self, assertion: str) -> Answer:
        self.assertions.append(assertion)
        if self.app_token is None:
            return 401, b'{"message": "A JSON web token could not be decoded"}', {}
        return 201, json.dumps({"token": self.app_token}).encode(), {}

    def _backend(self, request: Request, path: str, query: str) -> Answer:
        config = {
            "uploadpack.allowFilter": str(self.filters).lower(),
            "uploadpack.allowAnySHA1InWant": str(self.any_commit).lower(),
            "safe.directory": "*",
            **({} if self.protocol_2 else {"protocol.version": "0"}),
        }
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_COUNT": str(len(config)),
            "REQUEST_METHOD": request.method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", "") if self.protocol_2 else "",
        }
        for number, (key, value) in enumerate(config.items()):
            environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        ended = subprocess.run(
            ["git", "http-backend"], env=environment, input=request.body, capture_output=True, check=False
        )
        head, _, content = ended.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        return int(headers.pop("Status", "200").split()[0]), content, headers


def serve(folder: Path) -> GitServer:
    """A server with an empty folder of repositories and a certificate of a separate authority."""
    root = folder / "repositories"
    root.mkdir(parents=True)
    authority = Authority(folder / "certificates", name="git test")
    pairs = authority.ensure([Certificate("git", "git", hosts=("127.0.0.1", "localhost"))])
    return GitServer(root=root, pair=pairs["git"], authority=authority.pair.certificate)
