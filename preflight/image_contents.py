"""What the agents' images install: by the stack's own recipe, or by the labels that it left on a ready image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clients.http import WebError
from clients.registry import RegistryError
from delivery.recipe import contents_of
from domain.image_labels import ImageContents, decode
from domain.image_reference import Reference
from preflight.connection import open_registry
from settings.stack import Settings


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


@dataclass(frozen=True)
class AgentsImages:
    """The images that run Dags, as far as they could be read."""

    known: tuple[KnownImage, ...]
    """Those whose contents are known."""
    unlabelled: tuple[tuple[str, str], ...]
    """(stack key, reference) of ready images without labels of this program."""


def read_images(settings: Settings, *, labels: bool) -> AgentsImages:
    """The images that run Dags; ``labels`` says whether ready images are read from their registries."""
    known: list[KnownImage] = []
    unlabelled: list[tuple[str, str]] = []
    if settings.image is not None and settings.image.dockerfile is None:
        known.append(KnownImage(contents_of(settings.image)))
    silent: set[str] = set()
    for at, reference in ready_images(settings) if labels else ():
        place = Reference.parse(reference)
        if place.server in silent:
            continue  # one wait per registry: all probes together have a time limit
        try:
            contents = decode(open_registry(settings, place.server).labels(place.repository, place.tag))
        except (WebError, RegistryError) as error:  # `image.exists` reports both
            if isinstance(error, WebError):
                silent.add(place.server)
            continue
        if contents is None:
            unlabelled.append((at, reference))
        else:
            known.append(KnownImage(contents, at))
    return AgentsImages(tuple(known), tuple(unlabelled))


def ready_images(settings: Settings) -> Iterator[tuple[str, str]]:
    """Images (stack key, reference) that the stack names and that run Dags: not the sentinel's."""
    agent = settings.agent
    if agent.image is not None:
        yield "agent.image", agent.image
    for index, worker in enumerate(agent.workers):
        if worker.image is not None:
            yield f"agent.workers[{index}].image", worker.image
