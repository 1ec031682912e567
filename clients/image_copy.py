"""Copying an image from registry to registry, byte by byte and without a Docker engine (OCI distribution specification).

What the target has already is never sent again, so a copy that was broken off continues where it was, blob by blob.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from clients.errors import Cause
from clients.http import Answer, Readable, WebError
from clients.registry import MANIFEST_TYPES, Manifest, Registry, RegistryError


@dataclass(frozen=True)
class Place:
    """A repository on a registry."""

    registry: Registry
    """Registry, opened with a login."""
    repository: str
    """Repository on it."""


@dataclass(frozen=True)
class Copied:
    """What a copy did."""

    digest: str
    """Digest of the image, the same on both sides."""
    blobs: int
    """Blobs that were sent or mounted."""
    size: int
    """Bytes that were sent."""


def has_image(place: Place, digest: str) -> bool:
    """Whether a repository has a manifest; its blobs are there then as well. Raises WebError or RegistryError."""
    headers = {"Accept": MANIFEST_TYPES}
    path = f"/v2/{place.repository}/manifests/{digest}"
    return _exists(place.registry.exchange("HEAD", path, place.repository, headers=headers))


def copy_image(source: Place, manifest: Manifest, target: Place, *, tag: str) -> Copied:
    """Copy an image with all its platforms, and give it a tag.

    ``manifest`` is what the source calls the image. Raises WebError or RegistryError, and WebError (INVALID) when the
    source sends something else than it names.
    """
    blobs, size = _copy(source, manifest, target)
    _put(target, manifest, tag)
    return Copied(manifest.digest, blobs, size)


def tag_image(place: Place, name: str, *, tag: str) -> None:
    """Give an image of a repository another tag; ``name`` is its digest or tag. Raises WebError or RegistryError."""
    _put(place, place.registry.raw_manifest(place.repository, name), tag)


def _copy(source: Place, manifest: Manifest, target: Place) -> tuple[int, int]:
    if has_image(target, manifest.digest):
        return 0, 0
    count, size = 0, 0
    for child in manifest.value.get("manifests") or ():
        found = source.registry.raw_manifest(source.repository, child["digest"])
        if found.digest != child["digest"]:
            raise WebError(Cause.INVALID, f"the source sends something else than {child['digest']}")
        below = _copy(source, found, target)
        count, size = count + below[0], size + below[1]
    for blob in _blobs(manifest.value):
        sent = _copy_blob(source, blob, target)
        count, size = count + (sent is not None), size + (sent or 0)
    _put(target, manifest, manifest.digest)
    return count, size


def _blobs(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Configuration and layers; foreign layers (`urls`) are no registry's to give away."""
    if isinstance(manifest.get("config"), Mapping):
        yield manifest["config"]
    yield from (layer for layer in manifest.get("layers") or () if not layer.get("urls"))


def _copy_blob(source: Place, blob: Mapping[str, Any], target: Place) -> int | None:
    """Bytes sent; 0 for a blob that was mounted, None for one that was there."""
    digest, size = str(blob["digest"]), int(blob["size"])
    registry, repository = target.registry, target.repository
    if _exists(registry.exchange("HEAD", f"/v2/{repository}/blobs/{digest}", repository, push=True)):
        return None
    mount = ""
    if source.registry.server == registry.server:
        mount = f"?mount={quote(digest)}&from={quote(source.repository, safe='')}"
    started = registry.exchange(
        "POST", f"/v2/{repository}/blobs/uploads/{mount}", repository, push=True, body=b""
    )
    if started.status == 201:
        return 0
    place = _location(started, registry, 202)
    place += f"{'&' if '?' in place else '?'}digest={quote(digest)}"
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    with source.registry.open_blob(source.repository, digest) as content:
        checked = _Checked(content.content, size, digest)
        done = registry.exchange("PUT", place, repository, push=True, headers=headers, body=checked)
    _expect(done, 201)
    return size


def try_upload(target: Place) -> None:
    """Begin an upload and give it up: whether the registry takes one now. Raises WebError or RegistryError."""
    registry, repository = target.registry, target.repository
    started = registry.exchange("POST", f"/v2/{repository}/blobs/uploads/", repository, push=True, body=b"")
    # Not every registry lets an upload be given up; all of them forget it after a while.
    registry.exchange("DELETE", _location(started, registry, 202), repository, push=True)


class _Checked:
    """A blob in transfer, which must have the size and the digest in its manifest."""

    def __init__(self, content: Readable, size: int, digest: str) -> None:
        self._content, self._left, self._digest = content, size, digest
        self._sum = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        if self._left == 0:
            return b""
        piece = self._content.read(min(size, self._left) if size >= 0 else self._left)
        self._sum.update(piece)
        self._left -= len(piece)
        if not piece:
            raise WebError(Cause.UNREACHABLE, f"the source broke off {self._digest}")
        if self._left == 0 and self._digest != f"sha256:{self._sum.hexdigest()}":
            raise WebError(Cause.INVALID, f"the source sends something else than {self._digest}")
        return piece


def _put(target: Place, manifest: Manifest, name: str) -> None:
    path = f"/v2/{target.repository}/manifests/{quote(name, safe=':')}"
    headers = {"Content-Type": manifest.media_type}
    answer = target.registry.exchange(
        "PUT", path, target.repository, push=True, headers=headers, body=manifest.content
    )
    _expect(answer, 201)


def _exists(answer: Answer) -> bool:
    if answer.status == 404:
        return False
    _expect(answer, 200)
    return True


def _location(answer: Answer, registry: Registry, status: int) -> str:
    _expect(answer, status)
    place = answer.headers.get("Location")
    if not place:
        raise WebError(Cause.UNREACHABLE, f"{registry.server} gives an upload no place")
    return str(place)


def _expect(answer: Answer, status: int) -> None:
    if answer.status == status:
        return
    if answer.status == 404:
        raise RegistryError(Cause.NOT_FOUND, "HTTP 404", reason=answer.body.decode(errors="replace")[:200])
    raise WebError(Cause.FAILING, answer.refusal)
