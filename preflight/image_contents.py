"""What the agents' images install: by the stack's own recipe, or by the labels that it left on a ready image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clients.http import WebError
from clients.registry import Reference, RegistryError
from delivery.advice import PROVIDER, provider_shortcomings
from delivery.recipe import contents_of
from domain.image_labels import ImageContents, decode
from domain.image_reference import astro_tag
from domain.requirements import distribution, stays_below
from preflight.connection import open_registry
from preflight.world import World
from settings.stack import Settings

_COSMOS = "astronomer-cosmos"
_PYTHON, _DBT_CORE = (3, 14), (1, 12)
"""From this Python on dbt-core needs this version: before, it pins a mashumaro that fails on import (dbt-labs/dbt-core#12098)."""


@dataclass(frozen=True)
class KnownImage:
    """An image that agents run and whose contents are known."""

    contents: ImageContents
    """What it installs."""
    ready: str | None = None
    """Stack key that names it; None when it is built here."""

    @property
    def packages_at(self) -> str:
        """Stack key that decides the agent's packages."""
        return self.ready or "image.packages"

    @property
    def adapters_at(self) -> str:
        """Stack key that decides dbt's adapters."""
        return self.ready or "image.adapters"

    @property
    def where(self) -> str:
        """Where to add something, after "add it"."""
        return "where it is built" if self.ready else "here"


def known_images(world: World) -> tuple[KnownImage, ...]:
    """The images that run Dags, as far as their contents are known; registries are asked once per run."""
    return world.shared("image.contents", lambda: tuple(_images(world)))


def look(world: World) -> None:
    """Check what the images install, apart from adapters, which depend on the projects."""
    if not world.levels.looks("image.contents", "image.cosmos", "image.provider", "image.python"):
        return
    for image in known_images(world):
        contents = image.contents
        if _COSMOS not in map(distribution, contents.packages):
            facts = {"base": contents.base, "where": image.where}
            world.found("image.cosmos", "missing", at=image.packages_at, **facts)
        if image.ready:
            for item in provider_shortcomings(world.settings, contents.packages):
                shown = {"version": item.version, "shortcoming": item.what, "better": item.better}
                world.found("image.provider", "old", at=image.ready, provider=PROVIDER, **shown)
        _python(world, image)


def _python(world: World, image: KnownImage) -> None:
    tag = astro_tag(image.contents.base)
    if tag is None or tuple(map(int, tag["python"].split("."))) < _PYTHON:
        return
    for requirement in image.contents.adapters:
        if distribution(requirement) == "dbt-core" and stays_below(requirement, _DBT_CORE):
            facts = {"requirement": requirement, "python": tag["python"], "base": image.contents.base}
            world.found("image.python", "refused", at=image.adapters_at, **facts)


def _images(world: World) -> Iterator[KnownImage]:
    settings = world.settings
    if settings.image is not None and settings.image.dockerfile is None:
        yield KnownImage(contents_of(settings.image))
    if not world.levels.looks("image.contents"):
        return
    silent: set[str] = set()
    for at, reference in ready_images(settings):
        place = Reference.parse(reference)
        if place.server in silent:
            continue  # one wait per registry: the checks have a limit together
        try:
            labels = open_registry(settings, place.server).labels(place.repository, place.tag)
        except (WebError, RegistryError) as error:  # `image.exists` reports both
            if isinstance(error, WebError):
                silent.add(place.server)
            continue
        contents = decode(labels)
        if contents is None:
            world.found("image.contents", "unknown", at=at, reference=reference)
        else:
            yield KnownImage(contents, at)


def ready_images(settings: Settings) -> Iterator[tuple[str, str]]:
    """Images (stack key, reference) that the stack names and that run Dags: not the sentinel's."""
    agent = settings.agent
    if agent.image is not None:
        yield "agent.image", agent.image
    for index, worker in enumerate(agent.workers):
        if worker.image is not None:
            yield f"agent.workers[{index}].image", worker.image
