"""What an empty builder starts from: the layers of the image that was pushed last, under a separate tag in the registry."""

from __future__ import annotations

import pulumi

from clients.image_copy import Place, tag_image
from domain.image_reference import Reference
from preflight.connection import open_registry
from settings.stack import Settings

SECONDS = 60
"""Longest wait for one answer of the registry."""


def cache_tag(name: str) -> str:
    """Tag of the newest image of one kind (`runtime` or `client`); nothing but builds refers to it."""
    return f"cache-{name}"


def cache_hooks(settings: Settings, name: str) -> pulumi.ResourceHookBinding | None:
    """Hooks that move the tag to an image that was pushed; a failure costs time at the next build and is only logged."""
    image = settings.image
    if image is None or not image.cache:
        return None

    def moved(args: pulumi.ResourceHookArgs) -> None:
        move_cache(settings, name, str((args.new_outputs or {}).get("repoDigest") or ""))

    hook = pulumi.ResourceHook(f"keep-cache-{name}", moved)
    return pulumi.ResourceHookBinding(after_create=[hook], after_update=[hook])


def move_cache(settings: Settings, name: str, pushed: str) -> None:
    """Move the tag to the image ``pushed``, `repository@sha256:…`; one that only the engine has is left out.

    Raises WebError or RegistryError.
    """
    if "@sha256:" in pushed:
        place = Reference.parse(pushed)
        target = Place(open_registry(settings, place.server, timeout=SECONDS), place.repository)
        tag_image(target, place.tag, tag=cache_tag(name))
