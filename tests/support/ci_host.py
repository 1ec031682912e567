"""A host that keeps comments and issues as the REST APIs of GitHub and GitLab do."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlparse

TOKEN = "canary-job-token"


class CiHost(ThreadingHTTPServer):
    """Lists of entries by path; POST adds one, PATCH and PUT change the one that the path ends with."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.entries: dict[str, list[dict[str, Any]]] = {}
        self.seen: list[tuple[str, str]] = []
        self.refuse = False

    @classmethod
    @contextlib.contextmanager
    def started(cls) -> Iterator[CiHost]:
        """A host that answers until the block ends."""
        with cls() as host:
            threading.Thread(target=host.serve_forever, daemon=True).start()
            yield host
            host.shutdown()

    @property
    def api(self) -> str:
        """Address of the API."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def github(self) -> dict[str, str]:
        """Variables that GitHub sets for a job."""
        return {"GITHUB_REPOSITORY": "acme/agents", "GITHUB_API_URL": self.api}

    def gitlab(self) -> dict[str, str]:
        """Variables that GitLab sets for a job."""
        return {"CI_PROJECT_ID": "42", "CI_API_V4_URL": self.api}

    def all(self) -> list[dict[str, Any]]:
        """Every comment and issue."""
        return [entry for items in self.entries.values() for entry in items]


class _Handler(BaseHTTPRequestHandler):
    server: CiHost

    def log_message(self, format, *arguments):
        pass

    def _answer(self):
        path = urlparse(self.path).path
        self.server.seen.append((self.command, path))
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else {}
        allowed = TOKEN in (
            self.headers.get("PRIVATE-TOKEN"),
            self.headers.get("Authorization", "").removeprefix("Bearer "),
        )
        status, answer = (403, {}) if self.server.refuse or not allowed else (200, self._do(path, body))
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _do(self, path, body):
        if self.command == "GET":
            page = int(dict(part.split("=") for part in urlparse(self.path).query.split("&"))["page"])
            return self.server.entries.get(path, [])[(page - 1) * 100 : page * 100]
        if self.command == "POST":
            number = sum(map(len, self.server.entries.values())) + 1
            entry = {"id": number, "number": number, "iid": number, **body}
            self.server.entries.setdefault(path, []).append(entry)
            return entry
        number = int(path.rsplit("/", 1)[1])
        (entry,) = [item for items in self.server.entries.values() for item in items if item["id"] == number]
        entry.update(body)
        return entry

    do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815 - names that the base class calls
