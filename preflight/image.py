"""Looks at images and their registries."""

from __future__ import annotations

from collections.abc import Iterator

from clients.errors import Cause
from clients.http import WebError
from clients.registry import Login, Reference, Registry, RegistryError, has_credential_helper
from domain.image_reference import astro_tag
from domain.registries import creation, lifetime
from preflight import image_contents
from preflight.connection import open_registry
from preflight.report import ImageFacts
from preflight.world import World


def look(world: World) -> None:
    """Look at the base and the target of the client image, or at the images that the stack names."""
    image = world.settings.image
    if image is not None:
        _facts(world, "image.base", image.base)
        _base(world)
        _target(world)
        _pull(world)
    elif world.settings.agent.image is not None:
        _facts(world, "agent.image", world.settings.agent.image)
    else:
        world.found("image.runtime", "bare", at="image")
    _lifetimes(world)
    for at, reference in _named(world):
        _exists(world, at, reference)
    image_contents.look(world)


def _facts(world: World, at: str, reference: str) -> None:
    found = astro_tag(reference)
    if found is not None:
        world.image_base = ImageFacts(reference, found["runtime"], found["python"], found["agent"])
        world.found("image.base", "facts", at=at, reference=reference, **found)
    elif at == "image.base":
        world.found("image.base", "unknown", at=at, reference=reference)


def _lifetimes(world: World) -> None:
    """A password that ends by itself opens the push of one run, but nodes pull for as long as the release is there."""
    if world.settings.agent.image_pull_secret or not world.levels.looks("image.registry"):
        return
    for section, registry, password in world.settings.logins_to_pull:
        ends = lifetime(registry.server, registry.username, password.get_secret_value())
        if ends is not None:
            facts = {"server": registry.server, "lifetime": ends, "username": registry.username}
            world.found("image.registry", "short-lived", at=f"{section}Password", **facts)


def _base(world: World) -> None:
    image = world.settings.image
    if image is None or not world.levels.looks("image.registry", "image.exists", "image.platform"):
        return
    place = Reference.parse(image.base)
    try:
        found = open_registry(world.settings, place.server).platforms(place.repository, place.tag)
    except (WebError, RegistryError) as error:
        if isinstance(error, RegistryError) and error.cause is Cause.NOT_FOUND:
            world.found("image.exists", "missing", at="image.base", reference=image.base)
        else:
            _refused(world, "image.base", place, error)
        return
    if not any(_fits(image.platform, platform) for platform in found):
        facts = {"platform": image.platform, "reference": image.base, "found": ", ".join(found)}
        world.found("image.platform", "missing", at="image.platform", **facts)


def _fits(wanted: str, found: str) -> bool:
    """linux/arm64 and linux/arm64/v8 are the same platform."""
    return found == wanted or found.startswith(f"{wanted}/") or wanted.startswith(f"{found}/")


def _target(world: World) -> None:
    image = world.settings.image
    if image is None or not world.levels.looks("image.registry"):
        return
    place = Reference.parse(image.repository)
    try:
        may = open_registry(world.settings, place.server).check_push(place.repository)
    except (WebError, RegistryError) as error:
        if isinstance(error, RegistryError) and error.cause is Cause.NOT_FOUND:
            remedy = creation(place.server, place.repository)
            facts = {"repository": place.repository, "server": place.server, "remedy": remedy}
            world.found("image.registry", "not-created", at="image.repository", **facts)
            return
        _refused(world, "image.repository", place, error)
        return
    if may is False:
        facts = {"repository": place.repository, "server": place.server}
        world.found("image.registry", "no-push", at="registry.username", **facts)


def _pull(world: World) -> None:
    """The login that the cluster gets, when it is not that of the push."""
    settings = world.settings
    pull, password = settings.pull_registry, settings.pull_registry_password
    if settings.image is None or pull is None or password is None or not world.levels.looks("image.registry"):
        return
    place = Reference.parse(settings.image.repository)
    login = Login(pull.username, password.get_secret_value())
    try:
        Registry(pull.server, login, timeout=world.timeout).check_pull(place.repository)
    except RegistryError as error:
        field = "pullRegistryPassword"
        facts = {"server": pull.server, "repository": place.repository, "detail": str(error), "field": field}
        world.found("image.registry", "refused", at=field, **facts)
    except WebError as error:
        _refused(world, "image.repository", place, error)


def _refused(world: World, at: str, place: Reference, error: WebError | RegistryError) -> None:
    seconds = f"{world.timeout:.0f}"
    facts = {"server": place.server, "repository": place.repository, "detail": str(error), "seconds": seconds}
    if isinstance(error, WebError):
        case = "timeout" if error.cause is Cause.TIMEOUT else "unreachable"
        world.found("image.registry", case, at=at, **facts)
        return
    settings = world.settings
    for section, registry in (("baseRegistry", settings.base_registry), ("registry", settings.registry)):
        if registry is not None and registry.server == place.server:
            field = f"{section}Password"
            world.found("image.registry", "refused", at=field, field=field, **facts)
            return
    if has_credential_helper(place.server):
        reference = f"{place.server}/{place.repository}"
        detail = "Docker keeps the login in a credential helper"
        world.found("image.exists", "unverified", at=at, reference=reference, detail=detail)
        return
    section = "baseRegistry" if at == "image.base" and settings.registry is not None else "registry"
    world.found("image.registry", "anonymous", at=section, field=f"{section}Password", **facts)


def _named(world: World) -> Iterator[tuple[str, str]]:
    """Images that the stack names and does not build."""
    yield from image_contents.ready_images(world.settings)
    sentinel = world.settings.agent.sentinel.image
    if sentinel is not None:
        yield "agent.sentinel.image", sentinel


def _exists(world: World, at: str, reference: str) -> None:
    """The cluster pulls these, perhaps by ways that this machine has not: only a registry that answers is believed."""
    if not world.levels.looks("image.exists"):
        return
    place = Reference.parse(reference)
    try:
        open_registry(world.settings, place.server).manifest(place.repository, place.tag)
    except RegistryError as error:
        if error.cause is Cause.NOT_FOUND:
            world.found("image.exists", "missing", at=at, reference=reference)
        else:
            world.found("image.exists", "unverified", at=at, reference=reference, detail=error)
    except WebError as error:
        world.found("image.exists", "unverified", at=at, reference=reference, detail=error)
