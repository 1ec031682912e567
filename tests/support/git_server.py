"""A real Git server for tests: `git http-backend` behind HTTPS with basic authentication, and knobs for what hosts differ in."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from functools import cache
from pathlib import Path

from tests.support.http_server import Answer, HttpServer, Request
from trial.certificates import Authority, Certificate, KeyPair


class GitServer(HttpServer):
    """The server; change its fields while it runs."""

    def __init__(self, root: Path, pair: KeyPair, authority: Path) -> None:
        self.root = root
        """Folder with the bare repositories."""
        self.pair = pair
        """Certificate and key."""
        self.authority = authority
        """PEM file of the certificate authority."""
        self.grants: dict[str, list[tuple[str, str]]] = {}
        """Repository ("org/dags.git") -> (login, token) pairs; a repository that is not listed is public."""
        self.hidden: set[str] = set()
        """Repositories that answer 404 to everybody."""
        self.nonsense: set[str] = set()
        """Repositories that answer with an error that no Git host gives."""
        self.filters = True
        """Whether partial clones are served."""
        self.any_commit = True
        """Whether single commits are served (over protocol v2 Git serves them always)."""
        self.protocol_2 = True
        """Whether protocol version 2 is spoken."""
        self.stalled: set[str] = set()
        """Commits of which the server never sends anything: it is busy until it stops."""
        self.app_token: str | None = None
        """Token that the stand-in of GitHub's API issues; None: no such API."""
        self.assertions: list[str] = []
        """Bearer tokens that the stand-in of GitHub's API received."""
        self._stopped = threading.Event()
        super().__init__(self._answered, pair=pair)
        self.address = self.server
        """Host and port."""

    def stop(self) -> None:
        """Stop listening."""
        self._stopped.set()
        super().stop()

    def _answered(self, request: Request) -> Answer:
        if any(b"want " + commit.encode() in request.get_data() for commit in self.stalled):
            self._stopped.wait()
        repository = request.path.lstrip("/").split(".git/")[0] + ".git"
        if request.path.startswith("/api/v3/app/installations/"):
            return self._mint(request.headers["Authorization"].removeprefix("Bearer "))
        if repository in self.hidden or not (self.root / repository).is_dir():
            return 404, b"not found\n", {}
        if repository in self.nonsense:
            return 400, b"<html>What?</html>", {"Content-Type": "text/html"}
        given = request.authorization
        if repository in self.grants and (
            given is None or (given.username, given.password) not in self.grants[repository]
        ):
            return 401, b"authentication required\n", {"WWW-Authenticate": 'Basic realm="git"'}
        return self._backend(request)

    def _mint(self, assertion: str) -> Answer:
        self.assertions.append(assertion)
        if self.app_token is None:
            return 401, b'{"message": "A JSON web token could not be decoded"}', {}
        return 201, json.dumps({"token": self.app_token}).encode(), {}

    def _backend(self, request: Request) -> Answer:
        config = {
            "uploadpack.allowFilter": str(self.filters).lower(),
            "uploadpack.allowAnySHA1InWant": str(self.any_commit).lower(),
            "safe.directory": "*",
            **({} if self.protocol_2 else {"protocol.version": "0"}),
        }
        # What WSGI knows of a request are CGI's variables, and objects.
        variables = {name: text for name, text in request.environ.items() if isinstance(text, str)} | {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_COUNT": str(len(config)),
            **{f"GIT_CONFIG_KEY_{number}": key for number, key in enumerate(config)},
            **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(config.values())},
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "CONTENT_LENGTH": str(len(request.get_data())),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", "") if self.protocol_2 else "",
        }
        ended = subprocess.run(
            [_backend()], env=variables, input=request.get_data(), capture_output=True, check=False
        )
        head, _, content = ended.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        return int(headers.pop("Status", "200").split()[0]), content, headers


@cache
def _backend() -> Path:
    """Git's CGI program; `git http-backend` would be a process more at each request."""
    folder = subprocess.run(["git", "--exec-path"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return Path(folder.strip()) / "git-http-backend"


def serve(folder: Path) -> GitServer:
    """A server with an empty folder of repositories and a certificate of a separate authority."""
    root = folder / "repositories"
    root.mkdir(parents=True)
    authority = Authority(folder / "certificates", name="git test")
    pairs = authority.ensure([Certificate("git", "git", hosts=("127.0.0.1", "localhost"))])
    return GitServer(root, pairs["git"], authority.pair.certificate)
