"""Container registries over the OCI distribution API (github.com/opencontainers/distribution-spec).

Written here because few requests are needed, with the login and errors of Docker's own clients.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from clients.errors import Cause, RemoteError
from clients.http import Answer, Method, Readable, Stream, WebError, is_loopback, request, stream
from domain.basic_auth import basic_auth
from domain.image_reference import HUB_HOSTS

MANIFEST_TYPES = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_HUB = "registry-1.docker.io"


@dataclass(frozen=True)
class Manifest:
    """A manifest or index: its digest is that of its bytes, so they are passed on as they are."""

    content: bytes
    """Content."""
    declared: str
    """Media type by the answer's header; empty when that is none of an image."""

    @property
    def digest(self) -> str:
        """What names it."""
        return "sha256:" + hashlib.sha256(self.content).hexdigest()

    @property
    def value(self) -> dict[str, Any]:
        """Content, decoded. Raises WebError."""
        return _json(self.content)

    @property
    def media_type(self) -> str:
        """Media type; OCI manifests need not say theirs (image-spec, manifest.md)."""
        return str(self.value.get("mediaType") or self.declared)


class RegistryError(RemoteError):
    """The registry refused (UNAUTHORISED), or has no such image (NOT_FOUND); `reason` is the registry's message, if any."""

    def __init__(self, cause: Cause, text: str, *, reason: str = "") -> None:
        super().__init__(cause, text)
        self.reason = reason


@dataclass(frozen=True)
class Login:
    """User and password, or an identity token in their place."""

    username: str
    """User name."""
    password: str = field(repr=False)
    """Password."""
    identity_token: str | None = field(default=None, repr=False)
    """Refresh token that `az acr login` and others store; the token service exchanges it (distribution, auth/oauth)."""

    @property
    def basic(self) -> str:
        """The Authorization header (RFC 7617)."""
        return f"Basic {basic_auth(self.username, self.password)}"


class Registry:
    """One registry with one login; ``timeout`` is in seconds per request."""

    def __init__(self, server: str, login: Login | None, *, timeout: float) -> None:
        self.server = server
        self._login = login
        self._timeout = timeout
        host = _HUB if server in HUB_HOSTS else server
        self._base = f"{'http' if is_loopback(server) else 'https'}://{host}"
        self._authorizations: dict[str, str] = {}

    def manifest(self, repository: str, tag: str) -> dict[str, Any]:
        """Manifest or index. Raises WebError or RegistryError."""
        return _json(self.raw_manifest(repository, tag).content)

    def raw_manifest(self, repository: str, tag: str) -> Manifest:
        """Manifest or index as the registry has it. Raises WebError or RegistryError."""
        path = f"/v2/{repository}/manifests/{quote(tag, safe=':')}"
        answer = self._get(path, repository, accept=MANIFEST_TYPES)
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Manifest(answer.body, kind if kind in MANIFEST_TYPES else "")

    def blob(self, repository: str, digest: str) -> bytes:
        """Content of a blob. Raises WebError or RegistryError."""
        return self._get(f"/v2/{repository}/blobs/{digest}", repository, accept="*/*").body

    def platforms(self, repository: str, tag: str) -> tuple[str, ...]:
        """Platforms of an image, like linux/amd64. Raises WebError or RegistryError."""
        manifest = self.manifest(repository, tag)
        if "manifests" in manifest:
            found = (item.get("platform") or {} for item in manifest["manifests"])
            return tuple(
                sorted({_platform(item) for item in found if item.get("os") not in {None, "unknown"}})
            )
        return (_platform(self._config(repository, manifest)),)

    def labels(self, repository: str, tag: str) -> Mapping[str, str]:
        """Labels of an image; with several platforms, of the first one. Raises WebError or RegistryError."""
        manifest = self.manifest(repository, tag)
        for item in manifest.get("manifests") or ():
            # Attestations have the platform unknown/unknown (docs.docker.com, build/metadata/attestations).
            if (item.get("platform") or {}).get("os") != "unknown":
                manifest = self.manifest(repository, item["digest"])
                break
        found = (self._config(repository, manifest).get("config") or {}).get("Labels") or {}
        return {str(name): str(value) for name, value in found.items()}

    def check_push(self, repository: str) -> bool | None:
        """Whether the login may push, determined without pushing; None if the registry does not reveal it.

        Raises WebError or RegistryError if the login may not even read, or (NOT_FOUND) if the repository has to be created
        before the first push.
        """
        try:
            self._get(f"/v2/{repository}/tags/list?n=1", repository, accept="application/json", push=True)
        except RegistryError as error:
            if error.cause is not Cause.NOT_FOUND or _waits_for_creation(error.reason):
                raise
        token = self._authorizations.get(f"{repository}:push", "")
        granted = (
            list(_granted(token.removeprefix("Bearer "), repository)) if token.startswith("Bearer ") else []
        )
        if not granted:
            return None
        return any(action in {"push", "*"} for action in granted)

    def check_pull(self, repository: str) -> None:
        """Raises WebError or RegistryError if the login may not read a repository, which need not exist yet."""
        try:
            self._get(f"/v2/{repository}/tags/list?n=1", repository, accept="application/json")
        except RegistryError as error:
            if error.cause is not Cause.NOT_FOUND:
                raise

    def _config(self, repository: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Configuration of one image (opencontainers/image-spec, config.md); empty for anything else."""
        digest = (manifest.get("config") or {}).get("digest")
        return _json(self.blob(repository, digest)) if digest else {}

    def exchange(
        self,
        method: Method,
        address: str,
        repository: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Readable | None = None,
        push: bool = False,
    ) -> Answer:
        """One request of the distribution API; every status but 401 and 403 is an answer.

        ``address`` is a path, or a URL that this registry gave. A stream cannot be sent twice: ask for something with the
        same permission before. Raises WebError or RegistryError (UNAUTHORISED).
        """
        url = address if "://" in address else self._base + address
        scope = f"{repository}:{'push' if push else 'pull'}"

        def send(authorization: str | None) -> Answer:
            return request(
                url,
                timeout=self._timeout,
                headers=headers,
                authorization=authorization if url.startswith(f"{self._base}/") else None,
                method=method,
                body=body,
            )

        known = self._authorizations.get(scope)
        answer = send(known)
        renewable = known is None or known.startswith("Bearer ")
        if answer.status == 401 and renewable and (body is None or isinstance(body, bytes)):
            authorization = self._authorize(answer, repository, push=push)
            self._authorizations[scope] = authorization
            answer = send(authorization)
        if answer.status in {401, 403}:
            raise RegistryError(Cause.UNAUTHORISED, f"HTTP {answer.status}")
        return answer

    @contextmanager
    def open_blob(self, repository: str, digest: str) -> Iterator[Stream]:
        """A blob, read piece by piece. Raises WebError or RegistryError."""
        path = f"/v2/{repository}/blobs/{digest}"
        self._found(self.exchange("HEAD", path, repository))
        authorization = self._authorizations.get(f"{repository}:pull")
        with stream(self._base + path, timeout=self._timeout, authorization=authorization) as answer:
            if answer.status != 200:
                raise WebError(Cause.FAILING, f"HTTP {answer.status}")
            yield answer

    def _get(self, path: str, repository: str, *, accept: str, push: bool = False) -> Answer:
        return self._found(self.exchange("GET", path, repository, headers={"Accept": accept}, push=push))

    @staticmethod
    def _found(answer: Answer) -> Answer:
        if answer.status == 404:
            raise RegistryError(Cause.NOT_FOUND, "HTTP 404", reason=_reason(answer.body))
        if answer.status >= 400:
            raise WebError(Cause.FAILING, answer.refusal)
        return answer

    def _authorize(self, answer: Answer, repository: str, *, push: bool) -> str:
        challenges = answer.headers.get("WWW-Authenticate", "")
        bearer = re.search(r"Bearer\s+(.*)", challenges, re.IGNORECASE)
        if bearer is None:
            if self._login is None:
                raise RegistryError(Cause.UNAUTHORISED, "HTTP 401")
            return self._login.basic
        fields = dict(re.findall(r'(\w+)="([^"]*)"', bearer[1]))
        actions = "pull,push" if push else "pull"
        query = {"service": fields.get("service", ""), "scope": f"repository:{repository}:{actions}"}
        realm = fields.get("realm", "")
        if not realm.startswith("https://") and not (
            realm.startswith("http://") and is_loopback(self.server)
        ):
            # The password must not be sent unencrypted.
            raise RegistryError(Cause.UNAUTHORISED, "its token service does not use https")
        found = self._token(realm, query)
        if found.status >= 400:
            text = f"its token service answers {found.refusal}"
            if found.status == 429 or found.status >= 500:
                raise WebError(Cause.FAILING, text)
            raise RegistryError(Cause.UNAUTHORISED, text)
        token = _json(found.body)
        return f"Bearer {token.get('token') or token.get('access_token')}"

    def _token(self, realm: str, query: Mapping[str, str]) -> Answer:
        if self._login and self._login.identity_token:
            # github.com/distribution/distribution, docs/content/spec/auth/oauth.md
            form = {
                "grant_type": "refresh_token",
                "refresh_token": self._login.identity_token,
                "client_id": "astro-dbt",
            }
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            body = urlencode({**form, **query}).encode()
            return request(realm, timeout=self._timeout, headers=headers, method="POST", body=body)
        separator = "&" if "?" in realm else "?"
        basic = self._login.basic if self._login else None
        return request(f"{realm}{separator}{urlencode(query)}", timeout=self._timeout, authorization=basic)


_CREATED_BEFORE = (
    r"^The repository with name '.+' does not exist in the registry with id '.+'$",  # ECR, private and public
    r"^Repository \".+\" not found$",  # Artifact Registry
    r"^project .+ not found$",  # Harbor
)
"""Messages of registries about a repository that a push would not create; others (ACR, GitLab, Docker Hub) create it."""


def _waits_for_creation(reason: str) -> bool:
    return any(re.search(pattern, reason.strip(), re.IGNORECASE) for pattern in _CREATED_BEFORE)


def _reason(body: bytes) -> str:
    """The first error's message (OCI distribution specification, error codes)."""
    try:
        return str(json.loads(body)["errors"][0]["message"])
    except (ValueError, LookupError, TypeError):
        return ""


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise WebError(Cause.UNREACHABLE, "the answer does not come from a registry")
    return value


def _platform(item: Mapping[str, Any]) -> str:
    parts = (item.get("os"), item.get("architecture"), item.get("variant"))
    return "/".join(str(part) for part in parts if part)


def _granted(token: str, repository: str) -> Iterator[str]:
    """Actions that a token grants, if it is a JSON web token; its signature is not verified.

    By hand, because PyJWT takes a sixth of a second to import and this is one line of it.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        for access in claims.get("access") or []:
            if access.get("name") == repository:
                yield from access.get("actions") or []
    except (ValueError, AttributeError):
        return
