"""A small registry in memory that speaks the whole distribution API, logs what is sent, and breaks where a test says so."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from clients.image_copy import Place, copy_image
from clients.registry import Login, Registry
from tests.support.http_server import Answer, HttpServer, Request

INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"


def digest_of(content: bytes) -> str:
    """What names the content."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


class OciRegistry(HttpServer):
    """Content and log of one registry, which takes a password."""

    def __init__(self, username: str = "robot", password: str = "canary-registry") -> None:  # noqa: S107
        self.username, self.password = username, password
        self.mounts = True
        """Whether blobs can be mounted from other repositories."""
        self.damaged: frozenset[str] = frozenset()
        """Blobs of which something else is sent."""
        self.cut: frozenset[str] = frozenset()
        """Blobs whose transfer breaks off half way."""
        self.unknown: dict[str, Any] = {}
        """Answer to requests for what it does not have."""
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.log: list[str] = []
        """Method and path of every request that changes something."""
        super().__init__(self._answered)

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
        return self.describe(
            repository, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, INDEX
        )

    def _image(self, repository: str, layers: list[bytes], platform: Mapping[str, str]) -> str:
        parts = []
        for content in (json.dumps(platform).encode(), *layers):
            digest = digest_of(content)
            self.blobs[repository, digest] = content
            parts.append({"mediaType": "application/octet-stream", "digest": digest, "size": len(content)})
        return self.describe(repository, "", {"schemaVersion": 2, "config": parts[0], "layers": parts[1:]})

    def describe(self, repository: str, name: str, manifest: Mapping[str, Any], kind: str = IMAGE) -> str:
        """Keep a manifest under a tag, whatever it refers to, and return its digest."""
        return self._keep(repository, json.dumps(manifest).encode(), kind, name)

    def _keep(self, repository: str, content: bytes, kind: str, name: str) -> str:
        digest = digest_of(content)
        self.manifests[repository, digest] = self.manifests[repository, name or digest] = (content, kind)
        return digest

    def refusal(self, request: Request) -> Answer | None:
        """What is answered to a request without the login; None lets it in."""
        if request.headers.get("Authorization") == Login(self.username, self.password).basic:
            return None
        return 401, b"{}", {"WWW-Authenticate": 'Basic realm="test"'}

    def _answered(self, request: Request) -> Answer:
        if refused := self.refusal(request):
            return refused
        if request.method in {"POST", "PUT"}:
            self.log.append(f"{request.method} {request.path}")
        repository, _, rest = request.path.removeprefix("/v2/").partition("/blobs/uploads/")
        if rest or request.path.endswith("/blobs/uploads/"):
            return self._upload(repository, request)
        if "/blobs/" in repository:
            return self._blob(*repository.split("/blobs/"))
        if "/manifests/" in repository:
            return self._manifest(*repository.split("/manifests/"), request=request)
        return self._missing()

    def _missing(self) -> Answer:
        return 404, json.dumps(self.unknown).encode(), {}

    def _upload(self, repository: str, request: Request) -> Answer:
        query, body = request.args, request.get_data()
        if request.method == "POST":
            found = self.blobs.get((query.get("from", ""), query.get("mount", "")))
            if found is None or not self.mounts:
                return 202, b"", {"Location": f"/v2/{repository}/blobs/uploads/1?state=x"}
            self.blobs[repository, query["mount"]] = found
        elif digest_of(body) != query.get("digest"):
            return 400, b"{}", {}
        else:
            self.blobs[repository, query["digest"]] = body
        return 201, b"", {}

    def _blob(self, repository: str, digest: str) -> Answer:
        found = self.blobs.get((repository, digest))
        if found is None:
            return self._missing()
        if digest in self.cut:
            return 200, found[: len(found) // 2], {"Content-Length": str(len(found))}
        return 200, found[::-1] if digest in self.damaged else found, {}

    def _manifest(self, repository: str, name: str, *, request: Request) -> Answer:
        if request.method == "PUT":
            manifest, known = request.get_json(force=True), {**self.blobs, **self.manifests}
            config = [manifest["config"]] if "config" in manifest else []
            parts = [*config, *manifest.get("layers", []), *manifest.get("manifests", [])]
            if any((repository, item["digest"]) not in known for item in parts):
                return 400, json.dumps({"errors": [{"code": "BLOB_UNKNOWN"}]}).encode(), {}
            self._keep(repository, request.get_data(), str(request.headers.get("Content-Type")), name)
            return 201, b"", {}
        found = self.manifests.get((repository, name))
        return (200, found[0], {"Content-Type": found[1]}) if found else self._missing()


class TokenRegistry(OciRegistry):
    """A registry that asks for tokens of a token service, as hosted ones do (distribution's token authentication)."""

    actions: tuple[str, ...] = ("pull", "push")
    """What the user may do."""
    anonymous = False
    """Whether everybody may read."""
    identity: str | None = None
    """The refresh token that opens it as well."""

    def refusal(self, request: Request) -> Answer | None:
        """The token service's answers, and the demand for a token of it."""
        if request.path == "/token":
            form = request.form if request.method == "POST" else request.args
            return self._token(form["scope"]) if self._knows(request) else (401, b"{}", {})
        if request.headers.get("Authorization", "").startswith("Bearer "):
            return None
        return 401, b"{}", {"WWW-Authenticate": f'Bearer realm="{self.url("token")}",service="test"'}

    def _knows(self, request: Request) -> bool:
        if request.method == "POST":
            form = request.form
            return form["grant_type"] == "refresh_token" and form["refresh_token"] == self.identity
        given = request.headers.get("Authorization")
        return self.anonymous if given is None else given == Login(self.username, self.password).basic

    def _token(self, scope: str) -> Answer:
        """A token for a scope, `repository:<name>:<actions>`."""
        repository = scope.removeprefix("repository:").rpartition(":")[0]
        claims = {"access": [{"type": "repository", "name": repository, "actions": list(self.actions)}]}
        parts = [
            base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({}, claims)
        ]
        return 200, json.dumps({"token": ".".join([*parts, "signature"])}).encode(), {}


def put_image(server: str, login: tuple[str, str], repository: str, tag: str, platforms: list[str]) -> None:
    """Push an empty image (or, for several platforms, an index of them) into a registry."""
    with OciRegistry() as source:
        source.put(repository, tag, [], platforms)
        start = Place(source.client(), repository)
        target = Place(Registry(server, Login(*login), timeout=30), repository)
        copy_image(start, start.registry.raw_manifest(repository, tag), target, tag=tag)
