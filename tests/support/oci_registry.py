"""A small registry in memory that speaks the whole distribution API, logs what is sent, and breaks where a test says so."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content: bytes) -> str:
    """What names the content."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass
class OciRegistry:
    """Content and log of one registry."""

    username: str = "robot"
    password: str = "canary-registry"
    mounts: bool = True
    """Whether blobs can be mounted from other repositories."""
    damaged: frozenset[str] = frozenset()
    """Blobs of which something else is sent."""
    cut: frozenset[str] = frozenset()
    """Blobs whose transfer breaks off half way."""
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    """Method and path of every request that changes something."""
    server: str = ""
    """Host and port while it runs."""

    def put(self, repository: str, tag: str, layers: list[bytes], platforms: tuple[str, ...] = ()) -> str:
        """Keep an image (or an index of one per platform) and return its digest."""
        if platforms:
            entries = []
            for name in platforms:
                digest = self._image(repository, [*layers, name.encode()], name)
                size = len(self.manifests[repository, digest][0])
                entries.append(
                    {
                        "mediaType": IMAGE,
                        "digest": digest,
                        "size": size,
                        "platform": {"os": "linux", "architecture": name},
                    }
                )
            content = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
            return self._keep(repository, content, INDEX, tag)
        digest = self._image(repository, layers, "amd64")
        self.manifests[repository, tag] = self.manifests[repository, digest]
        return digest

    def _image(self, repository: str, layers: list[bytes], architecture: str) -> str:
        config = json.dumps({"os": "linux", "architecture": architecture}).encode()
        parts = []
        for content in (config, *layers):
            self.blobs[repository, digest_of(content)] = content
            parts.append(
                {"mediaType": "application/octet-stream", "digest": digest_of(content), "size": len(content)}
            )
        manifest = {"schemaVersion": 2, "config": parts[0], "layers": parts[1:]}
        return self._keep(repository, json.dumps(manifest).encode(), IMAGE)

    def _keep(self, repository: str, content: bytes, kind: str, *names: str) -> str:
        for name in (digest_of(content), *names):
            self.manifests[repository, name] = (content, kind)
        return digest_of(content)

    @contextmanager
    def running(self) -> Iterator[OciRegistry]:
        """Serve on a free port."""
        registry = self

        class Handler(_Handler):
            state = registry

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.server = f"127.0.0.1:{server.server_port}"
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield self
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    state: OciRegistry
    protocol_version = "HTTP/1.1"

    def _answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _handle(self) -> None:
        state = self.state
        login = base64.b64encode(f"{state.username}:{state.password}".encode()).decode()
        length = int(self.headers.get("Content-Length") or 0)
        body = b""
        while len(body) < length and (piece := self.rfile.read(min(65536, length - len(body)))):
            body += piece
        if len(body) < length:
            return
        if self.headers.get("Authorization") != f"Basic {login}":
            self._answer(401, b"{}", {"WWW-Authenticate": 'Basic realm="test"'})
            return
        address = urlsplit(self.path)
        if self.command in {"POST", "PUT"}:
            state.log.append(f"{self.command} {address.path}")
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        rest = address.path.removeprefix("/v2/")
        if "/blobs/uploads/" in rest:
            self._upload(rest.partition("/blobs/uploads/")[0], query, body)
        elif "/blobs/" in rest:
            self._blob(*rest.split("/blobs/"))
        elif "/manifests/" in rest:
            self._manifest(*rest.split("/manifests/"), body=body)
        else:
            self._answer(404, b"{}")

    def _upload(self, repository: str, query: Mapping[str, str], body: bytes) -> None:
        state = self.state
        if self.command == "POST":
            found = state.blobs.get((query.get("from", ""), query.get("mount", "")))
            if found is not None and state.mounts:
                state.blobs[repository, query["mount"]] = found
                self._answer(201)
            else:
                self._answer(202, b"", {"Location": f"/v2/{repository}/blobs/uploads/1?state=x"})
        elif digest_of(body) != query.get("digest"):
            self._answer(400, b"{}")
        else:
            state.blobs[repository, query["digest"]] = body
            self._answer(201)

    def _blob(self, repository: str, digest: str) -> None:
        found = self.state.blobs.get((repository, digest))
        if found is None:
            self._answer(404, b"{}")
        elif self.command == "GET" and digest in self.state.cut:
            self.send_response(200)
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found[: len(found) // 2])
            self.close_connection = True
        else:
            self._answer(200, found[::-1] if digest in self.state.damaged else found)

    def _manifest(self, repository: str, name: str, *, body: bytes) -> None:
        state = self.state
        if self.command == "PUT":
            missing = [
                item["digest"]
                for item in _parts(json.loads(body))
                if (repository, item["digest"]) not in {**state.blobs, **state.manifests}
            ]
            if missing:
                self._answer(400, json.dumps({"errors": [{"code": "BLOB_UNKNOWN"}]}).encode())
                return
            kind = str(self.headers.get("Content-Type"))
            for key in (name, digest_of(body)):
                state.manifests[repository, key] = (body, kind)
            self._answer(201)
            return
        found = state.manifests.get((repository, name))
        if found is None:
            self._answer(404, b"{}")
        else:
            self._answer(200, found[0], {"Content-Type": found[1]})

    def do_GET(self) -> None:
        self._handle()

    def do_HEAD(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: object) -> None:
        pass


def _parts(manifest: Mapping[str, Any]) -> list[Any]:
    config = [manifest["config"]] if "config" in manifest else []
    return [*config, *manifest.get("layers", []), *manifest.get("manifests", [])]
