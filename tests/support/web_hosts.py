"""Small HTTP hosts for tests: chart repositories, a registry with tokens, hosts that hang or refuse."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import tarfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import yaml

Answer = tuple[int, bytes, Mapping[str, str]]
"""Status, content, headers."""


@dataclass
class WebHost:
    """A host that answers by a function and remembers what it was asked."""

    answer: Callable[[str, Mapping[str, str]], Answer]
    """(path with query, request headers) -> answer."""
    post: Callable[[str, str], Answer] | None = None
    """(path, content) -> answer, for a host that takes forms."""
    delay: float = 0
    """Seconds before every answer."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """(path, Authorization) of every request."""

    @property
    def server(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://{self.server}"

    def start(self) -> None:
        """Listen on a free loopback port."""
        host = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                host.asked.append((self.path, self.headers.get("Authorization", "")))
                content = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                self._send(host.post(self.path, content) if host.post else (405, b"", {}))

            def do_GET(self) -> None:
                host.asked.append((self.path, self.headers.get("Authorization", "")))
                time.sleep(host.delay)
                self._send(host.answer(self.path, dict(self.headers.items())))

            def _send(self, answer: Answer) -> None:
                status, content, headers = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(content)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._http.server_close()


@contextlib.contextmanager
def web_host(
    answer: Callable[[str, Mapping[str, str]], Answer],
    *,
    post: Callable[[str, str], Answer] | None = None,
) -> Iterator[WebHost]:
    """A running host for a block."""
    host = WebHost(answer, post)
    host.start()
    try:
        yield host
    finally:
        host.stop()


def chart_package(name: str, version: str, files: Mapping[str, str], **metadata: Any) -> bytes:
    """A chart as `helm package` writes it."""
    content = {
        "Chart.yaml": yaml.safe_dump({"apiVersion": "v2", "name": name, "version": version, **metadata}),
        **files,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in content.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def chart_repository(name: str, packages: Mapping[str, bytes]) -> Callable[[str, Mapping[str, str]], Answer]:
    """Answers of a chart repository with these versions of one chart."""
    entries = [
        {
            "name": name,
            "version": version,
            "urls": [f"{name}-{version}.tgz"],
            "digest": hashlib.sha256(content).hexdigest(),
        }
        for version, content in packages.items()
    ]
    files = {"/index.yaml": yaml.safe_dump({"apiVersion": "v1", "entries": {name: entries}}).encode()}
    files |= {f"/{name}-{version}.tgz": content for version, content in packages.items()}

    def answer(path: str, _: Mapping[str, str]) -> Answer:
        return (200, files[path], {}) if path in files else (404, b"", {})

    return answer


@dataclass
class TokenRegistry:
    """A registry that asks for tokens of a token service, as hosted ones do (distribution's token authentication)."""

    username: str
    password: str
    actions: tuple[str, ...] = ("pull", "push")
    """What the user may do."""
    anonymous: bool = False
    """Whether everybody may read."""
    manifests: dict[str, dict[str, Any]] = field(default_factory=dict)
    """`repository:tag` -> manifest."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    """Digest -> content."""

    def __call__(self, path: str, headers: Mapping[str, str]) -> Answer:
        route, _, query = path.partition("?")
        given = headers.get("Authorization", "")
        if route == "/token":
            return self._token(query, given)
        if not given.startswith("Bearer "):
            challenge = f'Bearer realm="http://{headers["Host"]}/token",service="test"'
            return 401, b"{}", {"WWW-Authenticate": challenge}
        _, _, rest = route.partition("/v2/")
        if "/manifests/" in rest:
            repository, _, tag = rest.partition("/manifests/")
            found = self.manifests.get(f"{repository}:{tag}")
            return (200, json.dumps(found).encode(), {}) if found else (404, b"{}", {})
        if "/blobs/" in rest:
            found_blob = self.blobs.get(rest.partition("/blobs/")[2])
            return (200, found_blob, {}) if found_blob is not None else (404, b"{}", {})
        return 404, b"{}", {}

    def _token(self, query: str, given: str) -> Answer:
        login = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        if given != f"Basic {login}" and not (self.anonymous and not given):
            return 401, b"{}", {}
        return self.issue(unquote(query.partition("scope=")[2].split("&")[0]))

    def issue(self, scope: str) -> Answer:
        """A token for a scope, `repository:<name>:<actions>`."""
        repository = scope.removeprefix("repository:").rpartition(":")[0]
        claims = {"access": [{"type": "repository", "name": repository, "actions": list(self.actions)}]}
        parts = [
            base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({}, claims)
        ]
        return 200, json.dumps({"token": ".".join([*parts, "signature"])}).encode(), {}


def put_image(server: str, login: tuple[str, str], repository: str, tag: str, platforms: list[str]) -> None:
    """Push an empty image (or, for several platforms, an index of them) into a registry."""
    basic = "Basic " + base64.b64encode(":".join(login).encode()).decode()

    def call(method: str, url: str, body: bytes = b"", kind: str = "application/octet-stream") -> Any:
        request = urllib.request.Request(url, data=body or None, method=method)  # noqa: S310
        request.add_header("Authorization", basic)
        request.add_header("Content-Type", kind)
        request.add_header("Content-Length", str(len(body)))
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.headers

    base = f"http://{server}/v2/{repository}"
    entries = []
    for platform in platforms:
        system, _, rest = platform.partition("/")
        architecture, _, variant = rest.partition("/")
        described = {"os": system, "architecture": architecture, **({"variant": variant} if variant else {})}
        config = json.dumps({**described, "rootfs": {"type": "layers", "diff_ids": []}}).encode()
        digest = "sha256:" + hashlib.sha256(config).hexdigest()
        upload = call("POST", f"{base}/blobs/uploads/")["Location"]
        call("PUT", f"{upload}{'&' if '?' in upload else '?'}digest={digest}", config)
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": kind,
                "config": {
                    "mediaType": "application/vnd.docker.container.image.v1+json",
                    "size": len(config),
                    "digest": digest,
                },
                "layers": [],
            }
        ).encode()
        name = "sha256:" + hashlib.sha256(manifest).hexdigest()
        call("PUT", f"{base}/manifests/{tag if len(platforms) == 1 else name}", manifest, kind)
        entries.append({"mediaType": kind, "size": len(manifest), "digest": name, "platform": described})
    if len(platforms) > 1:
        kind = "application/vnd.docker.distribution.manifest.list.v2+json"
        index = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": entries}).encode()
        call("PUT", f"{base}/manifests/{tag}", index, kind)
