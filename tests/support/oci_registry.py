"""A small registry in memory that speaks the whole distribution API, logs what is sent, and breaks where a test says so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from clients.registry import Login, Registry
from tests.support.http_server import Answer, HttpServer, Request

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content: bytes) -> str:
    """What names the content."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


class OciRegistry(HttpServer):
    """Content and log of one registry."""

    def __init__(self, *, username: str = "robot", password: str = "canary-registry") -> None:  # noqa: S107
        self.username, self.password = username, password
        self.mounts = True
        """Whether blobs can be mounted from other repositories."""
        self.damaged: frozenset[str] = frozenset()
        """Blobs of which something else is sent."""
        self.cut: frozenset[str] = frozenset()
        """Blobs whose transfer breaks off half way."""
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.log: list[str] = []
        """Method and path of every request that changes something."""
        super().__init__(self._answered, keep_alive=True)

    def client(self) -> Registry:
        """The registry with the login that it takes."""
        return Registry(self.server, Login(self.username, self.password), timeout=10)

    def put(self, repository: str, tag: str, layers: list[bytes], platforms: Sequence[str] = ()) -> str:
        """Keep an image (of several platforms, an index of one each) and return its digest."""
        entries = []
        for platform in platforms or ("linux/amd64",):
            names = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
            digest = self._image(
                repository, [*layers, *([platform.encode()] if platforms[1:] else [])], names
            )
            size = len(self.manifests[repository, digest][0])
            entries.append({"mediaType": IMAGE, "digest": digest, "size": size, "platform": names})
        if len(entries) == 1:
            self.manifests[repository, tag] = self.manifests[repository, digest]
            return digest
        content = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
        return self._keep(repository, content, INDEX, tag)

    def _image(self, repository: str, layers: list[bytes], platform: Mapping[str, str]) -> str:
        parts = []
        for content in (json.dumps(platform).encode(), *layers):
            digest = digest_of(content)
            self.blobs[repository, digest] = content
            parts.append({"mediaType": "application/octet-stream", "digest": digest, "size": len(content)})
        manifest = {"schemaVersion": 2, "config": parts[0], "layers": parts[1:]}
        return self._keep(repository, json.dumps(manifest).encode(), IMAGE)

    def _keep(self, repository: str, content: bytes, kind: str, *names: str) -> str:
        for name in (digest_of(content), *names):
            self.manifests[repository, name] = (content, kind)
        return digest_of(content)

    def _answered(self, request: Request) -> Answer:
        if request.headers.get("Authorization") != Login(self.username, self.password).basic:
            return 401, b"{}", {"WWW-Authenticate": 'Basic realm="test"'}
        address = urlsplit(request.path)
        if request.method in {"POST", "PUT"}:
            self.log.append(f"{request.method} {address.path}")
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        repository, _, rest = address.path.removeprefix("/v2/").partition("/blobs/uploads/")
        if rest or address.path.endswith("/blobs/uploads/"):
            return self._upload(repository, query, request)
        if "/blobs/" in repository:
            return self._blob(*repository.split("/blobs/"))
        if "/manifests/" in repository:
            return self._manifest(*repository.split("/manifests/"), request=request)
        return 404, b"{}", {}

    def _upload(self, repository: str, query: Mapping[str, str], request: Request) -> Answer:
        if request.method == "POST":
            found = self.blobs.get((query.get("from", ""), query.get("mount", "")))
            if found is None or not self.mounts:
                return 202, b"", {"Location": f"/v2/{repository}/blobs/uploads/1?state=x"}
            self.blobs[repository, query["mount"]] = found
        elif digest_of(request.body) != query.get("digest"):
            return 400, b"{}", {}
        else:
            self.blobs[repository, query["digest"]] = request.body
        return 201, b"", {}

    def _blob(self, repository: str, digest: str) -> Answer:
        found = self.blobs.get((repository, digest))
        if found is None:
            return 404, b"{}", {}
        if digest in self.cut:
            return 200, found[: len(found) // 2], {"Content-Length": str(len(found))}
        return 200, found[::-1] if digest in self.damaged else found, {}

    def _manifest(self, repository: str, name: str, *, request: Request) -> Answer:
        if request.method == "PUT":
            known = {**self.blobs, **self.manifests}
            if any((repository, item["digest"]) not in known for item in _parts(json.loads(request.body))):
                return 400, json.dumps({"errors": [{"code": "BLOB_UNKNOWN"}]}).encode(), {}
            self._keep(repository, request.body, str(request.headers.get("Content-Type")), name)
            return 201, b"", {}
        found = self.manifests.get((repository, name))
        return (200, found[0], {"Content-Type": found[1]}) if found else (404, b"{}", {})


def _parts(manifest: Mapping[str, Any]) -> list[Any]:
    config = [manifest["config"]] if "config" in manifest else []
    return [*config, *manifest.get("layers", []), *manifest.get("manifests", [])]
