"""Copying the vendor's images into the stack's registry: planned in a preview, done in an update, skipped where it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from clients.errors import Cause, RemoteError
from clients.image_copy import Place, copy_image, has_image
from clients.registry import Manifest, Registry
from delivery.mirror import ImageCopy, copies
from domain.errors import ReportedError
from domain.image_reference import Reference
from preflight.connection import open_registry
from settings.stack import Settings

SECONDS = 60
"""Longest wait for one step of a transfer."""
_MEGABYTE = 1_000_000


class MirrorError(ReportedError):
    """An image cannot be copied."""


@dataclass(frozen=True)
class _Ends:
    source: Place
    target: Place
    name: str
    """Tag or digest of the source."""


def mirrored(settings: Settings, *, project: str, copying: bool) -> Mapping[str, str]:
    """References of the copies by name; with ``copying`` missing ones are created.

    What the source's name means today is asked of its registry. If that is out of reach and a copy with the same tag is
    there, the copy is taken: that is what it is for. Raises MirrorError.
    """
    return {item.name: _mirrored(settings, item, project, copying=copying) for item in copies(settings)}


def _mirrored(settings: Settings, item: ImageCopy, project: str, *, copying: bool) -> str:
    ends = _ends(settings, item)
    try:
        manifest = _manifest(ends, item, project)
    except RemoteError as error:
        raise MirrorError(
            _sentence(project, item.at, f"is {item.source}, which cannot be read", error)
        ) from None
    reference = item.reference(manifest.digest)
    try:
        if has_image(ends.target, manifest.digest):
            return reference
        if not copying:
            pulumi.log.info(f"{item.source} will be copied to {reference}")
            return reference
        pulumi.log.info(f"copying {item.source} to {reference}")
        done = copy_image(ends.source, manifest, ends.target, tag=item.tag)
    except RemoteError as error:
        what = f"is where {item.source} is copied to as {item.repository}, which failed"
        raise MirrorError(_sentence(project, "mirror.repository", what, error)) from None
    pulumi.log.info(f"copied {item.source}: {done.blobs} blobs, {done.size / _MEGABYTE:.1f} MB sent")
    return reference


def _manifest(ends: _Ends, item: ImageCopy, project: str) -> Manifest:
    try:
        return ends.source.registry.raw_manifest(ends.source.repository, ends.name)
    except RemoteError as error:
        if error.cause is Cause.NOT_FOUND:
            raise
        try:
            kept = ends.target.registry.raw_manifest(ends.target.repository, item.tag)
        except RemoteError:
            raise error from None
        pulumi.log.warn(
            f"{project}:{item.at} is {item.source}, whose registry gives no answer ({error}); the copy of "
            f"{item.repository}:{item.tag} is used, whatever the source is today."
        )
        return kept


def _ends(settings: Settings, item: ImageCopy) -> _Ends:
    source, target = Reference.parse(item.source), Reference.parse(f"{item.repository}:{item.tag}")
    opened: dict[str, Registry] = {}
    for server in (source.server, target.server):
        opened.setdefault(server, open_registry(settings, server, timeout=SECONDS))
    return _Ends(
        Place(opened[source.server], source.repository),
        Place(opened[target.server], target.repository),
        source.tag,
    )


def _sentence(project: str, key: str, what: str, error: RemoteError) -> str:
    return (
        f"{project}:{key} {what} ({error}); correct it or the login of its registry, or remove mirror, and run again: what was "
        "sent already is not sent again."
    )
