"""Which of the vendor's images are copied into the stack's registry, and the settings that use the copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.image_reference import VENDOR, astro_tag, split_reference
from settings.stack import Settings

AGENT, SENTINEL = "astro-remote-execution-agent", "astro-remote-execution-sentinel"
_VENDOR = f"{VENDOR}/baseimages"
"""Docs page agent-images."""


@dataclass(frozen=True)
class ImageCopy:
    """An image of the vendor and where its copy goes."""

    name: str
    """`base` or `sentinel`."""
    at: str
    """Stack key that names the source."""
    source: str
    """Reference of the source."""
    repository: str
    """Repository of the copy."""
    tag: str
    """Tag of the copy, that of the source."""

    def reference(self, digest: str) -> str:
        """The copy by tag and digest: the digest determines the image, and the tag shows and checks the version."""
        return f"{self.repository}:{self.tag}@{digest}"


def copies(settings: Settings) -> Iterator[ImageCopy]:
    """The images that are copied; none unless the stack asks for it."""
    mirror = settings.mirror
    if mirror is None:
        return
    at, base = base_of(settings)
    if mirror.base and base is not None:
        yield _copy("base", at, base, mirror.repository)
    sentinel = sentinel_of(settings)
    if mirror.sentinel and sentinel is not None:
        yield _copy("sentinel", "agent.sentinel.image", sentinel, mirror.repository)


def base_of(settings: Settings) -> tuple[str, str | None]:
    """(stack key, reference) of the image that agents build on or run."""
    if settings.image is not None:
        return "image.base", settings.image.base
    return "agent.image", settings.agent.image


def sentinel_of(settings: Settings) -> str | None:
    """The sentinel's image: the stack's, or the one with the agent's version; None if there is none or it is unknown.

    Agent and sentinel are next to each other in the vendor's registry and have the same version (docs page
    remote-execution-configure-agents).
    """
    agent = settings.agent
    if not agent.chart.has_sentinel or not agent.sentinel.enabled:
        return None
    if agent.sentinel.image is not None:
        return agent.sentinel.image
    _, base = base_of(settings)
    version = astro_tag(base) if base else None
    if base is None or version is None:
        return None
    folder, _, name = split_reference(base)[0].rpartition("/")
    return f"{folder if name == AGENT else _VENDOR}/{SENTINEL}:{version['agent']}"


def with_copies(settings: Settings, references: Mapping[str, str]) -> Settings:
    """The settings with the copies in the place of their sources; ``references`` is by name of the copy."""
    agent, image = settings.agent, settings.image
    if "sentinel" in references:
        sentinel = agent.sentinel.model_copy(update={"image": references["sentinel"]})
        agent = agent.model_copy(update={"sentinel": sentinel})
    if "base" in references:
        if image is not None:
            image = image.model_copy(update={"base": references["base"]})
        else:
            agent = agent.model_copy(update={"image": references["base"]})
    return settings.model_copy(update={"agent": agent, "image": image})


def _copy(name: str, at: str, source: str, prefix: str) -> ImageCopy:
    repository, tag, digest = split_reference(source)
    target = f"{prefix}/{repository.rpartition('/')[2]}"
    return ImageCopy(name, at, source, target, tag or digest.replace(":", "-"))
