"""Small HTTP hosts for tests: chart repositories, a registry with tokens, hosts that hang or refuse."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import unquote

import yaml

from clients.image_copy import Place, copy_image
from clients.registry import Login, Registry
from tests.support.http_server import Answer, HttpServer, Request
from tests.support.oci_registry import OciRegistry


class WebHost(HttpServer):
    """A host that answers by a function and remembers what it was asked."""

    def __init__(
        self,
        answer: Callable[[str, Message], Answer],
        *,
        post: Callable[[str, str], Answer] = lambda path, content: (405, b"", {}),
    ) -> None:
        """Answer GET by (path with query, headers), and POST by (path, content)."""
        self.delay: float = 0
        """Seconds before every answer to GET."""
        self.asked: list[tuple[str, str]] = []
        """(path, Authorization) of every request."""

        def answered(request: Request) -> Answer:
            self.asked.append((request.path, request.headers.get("Authorization", "")))
            if request.method == "POST":
                return post(request.path, request.body.decode())
            time.sleep(self.delay)
            return answer(request.path, request.headers)

        super().__init__(answered)


def chart_package(name: str, version: str, files: Mapping[str, str | bytes], **metadata: Any) -> bytes:
    """A chart as `helm package` writes it."""
    content = {
        "Chart.yaml": yaml.safe_dump({"apiVersion": "v2", "name": name, "version": version, **metadata}),
        **files,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in content.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            data = text.encode() if isinstance(text, str) else text
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def chart_repository(name: str, packages: Mapping[str, bytes]) -> Callable[[str, Message], Answer]:
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

    def answer(path: str, _: Message) -> Answer:
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

    def __call__(self, path: str, headers: Message) -> Answer:
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
    with OciRegistry() as source:
        source.put(repository, tag, [], platforms)
        start = Place(source.client(), repository)
        target = Place(Registry(server, Login(*login), timeout=30), repository)
        copy_image(start, start.registry.raw_manifest(repository, tag), target, tag=tag)
