"""Images and their registries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clients.docker_config import has_credential_helper
from clients.errors import Cause
from clients.http import WebError
from clients.registry import Login, Registry, RegistryError
from delivery.advice import ARGUMENTS, NEWEST_KNOWN, PROVIDER, provider_shortcomings, version_text
from delivery.mirror import base_of, copies
from domain.image_reference import Reference, astro_tag, split_reference
from domain.registries import creation, lifetime
from domain.requirements import distribution, pinned, stays_below
from preflight.catalogue.image_checks import (
    IMAGE_BASE,
    IMAGE_BUNDLES,
    IMAGE_CONTENTS,
    IMAGE_COSMOS,
    IMAGE_EXISTS,
    IMAGE_PLATFORM,
    IMAGE_PROVIDER,
    IMAGE_PYTHON,
    IMAGE_REGISTRY,
    IMAGE_RUNTIME,
    IMAGE_SENTINEL,
)
from preflight.connection import open_registry
from preflight.context import Context
from preflight.image_contents import KnownImage, ready_images
from preflight.report import Finding, Found, ImageFacts
from settings.stack import Settings

_COSMOS = "astronomer-cosmos"
_PYTHON, _DBT_CORE = (3, 14), (1, 12)
"""From this Python on dbt-core needs this version: earlier ones pin a mashumaro that fails on import (dbt-labs/dbt-core#12098)."""


def find(context: Context) -> Iterator[Found]:
    """The base and the target of the agents' image, or the images that the stack names."""
    settings = context.settings
    if settings.image is not None:
        yield from _facts("image.base", settings.image.base)
        yield from _base(context)
        yield from _pull(context)
    elif settings.agent.image is not None:
        yield from _facts("agent.image", settings.agent.image)
    else:
        yield IMAGE_RUNTIME.bare("image")
    yield from _targets(context)
    yield from _lifetimes(context)
    yield from _sentinel(settings)
    for at, reference in _named(settings):
        yield from _exists(context, at, reference)
    yield from _contents(context)


def _facts(at: str, reference: str) -> Iterator[Found]:
    found = astro_tag(reference)
    if found is not None:
        runtime, python, agent = found["runtime"], found["python"], found["agent"]
        yield ImageFacts(reference, runtime, python, agent)
        yield IMAGE_BASE.facts(at, reference=reference, runtime=runtime, python=python, agent=agent)
    elif at == "image.base":
        yield IMAGE_BASE.unknown(at, reference=reference)


def _lifetimes(context: Context) -> Iterator[Finding]:
    """A password that expires serves the push of one run, but nodes pull for as long as the release exists."""
    settings = context.settings
    if settings.agent.image_pull_secret or not context.levels.enabled("image.registry"):
        return
    for section, registry, password in settings.logins_to_pull:
        server, username = registry.server, registry.username
        ends = lifetime(server, username, password.get_secret_value())
        if ends is not None:
            at = f"{section}Password"
            yield IMAGE_REGISTRY.short_lived(at, server=server, username=username, lifetime=ends)


def _base(context: Context) -> Iterator[Finding]:
    image = context.settings.image
    if image is None or not context.levels.enabled("image.registry", "image.exists", "image.platform"):
        return
    place = Reference.parse(image.base)
    try:
        found = open_registry(context.settings, place.server).platforms(place.repository, place.tag)
    except (WebError, RegistryError) as error:
        if isinstance(error, RegistryError) and error.cause is Cause.NOT_FOUND:
            yield IMAGE_EXISTS.missing("image.base", reference=image.base)
        else:
            yield _refused(context, "image.base", place, error)
        return
    if not any(_fits(image.platform, platform) for platform in found):
        yield IMAGE_PLATFORM.missing(
            "image.platform", platform=image.platform, reference=image.base, found=", ".join(found)
        )


def _fits(wanted: str, found: str) -> bool:
    """linux/arm64 and linux/arm64/v8 are the same platform."""
    return found == wanted or found.startswith(f"{wanted}/") or wanted.startswith(f"{found}/")


def _pushes(settings: Settings) -> Iterator[tuple[str, str]]:
    """(stack key, repository) of everything that is pushed."""
    if settings.image is not None:
        yield "image.repository", settings.image.repository
    for item in copies(settings):
        yield "mirror.repository", item.repository


def _targets(context: Context) -> Iterator[Finding]:
    if context.levels.enabled("image.registry"):
        for at, target in _pushes(context.settings):
            yield from _target(context, at, target)


def _target(context: Context, at: str, target: str) -> Iterator[Finding]:
    place = Reference.parse(target)
    server, repository = place.server, place.repository
    try:
        may = open_registry(context.settings, server).check_push(repository)
    except (WebError, RegistryError) as error:
        if isinstance(error, RegistryError) and error.cause is Cause.NOT_FOUND:
            remedy = creation(server, repository)
            yield IMAGE_REGISTRY.not_created(at, server=server, repository=repository, remedy=remedy)
        else:
            yield _refused(context, at, place, error)
        return
    if may is False:
        yield IMAGE_REGISTRY.no_push("registry.username", server=server, repository=repository)


def _pull(context: Context) -> Iterator[Finding]:
    """The login that the cluster gets, when it is not that of the push."""
    settings = context.settings
    pull, password = settings.pull_registry, settings.pull_registry_password
    if settings.image is None or pull is None or password is None:
        return
    if not context.levels.enabled("image.registry"):
        return
    place = Reference.parse(settings.image.repository)
    login = Login(pull.username, password.get_secret_value())
    try:
        Registry(pull.server, login, timeout=context.timeout).check_pull(place.repository)
    except RegistryError as error:
        yield IMAGE_REGISTRY.refused(
            "pullRegistryPassword",
            server=pull.server,
            repository=place.repository,
            detail=str(error),
            field="pullRegistryPassword",
        )
    except WebError as error:
        yield _refused(context, "image.repository", place, error)


def _refused(context: Context, at: str, place: Reference, error: WebError | RegistryError) -> Finding:
    server, repository, detail = place.server, place.repository, str(error)
    if isinstance(error, WebError):
        if error.cause is Cause.TIMEOUT:
            return IMAGE_REGISTRY.timeout(at, server=server, seconds=context.seconds)
        if error.cause is Cause.FAILING:
            return IMAGE_REGISTRY.failing(at, server=server, detail=detail)
        return IMAGE_REGISTRY.unreachable(at, server=server, detail=detail)
    settings = context.settings
    for section, registry in (("baseRegistry", settings.base_registry), ("registry", settings.registry)):
        if registry is not None and registry.server == server:
            field = f"{section}Password"
            return IMAGE_REGISTRY.refused(
                field, server=server, repository=repository, detail=detail, field=field
            )
    if has_credential_helper(server):
        detail = "Docker keeps the login in a credential helper"
        return IMAGE_EXISTS.unverified(at, reference=f"{server}/{repository}", detail=detail)
    section = "baseRegistry" if at == "image.base" and settings.registry is not None else "registry"
    return IMAGE_REGISTRY.anonymous(
        section, server=server, repository=repository, detail=detail, field=f"{section}Password"
    )


def _named(settings: Settings) -> Iterator[tuple[str, str]]:
    """Images that the stack names and does not build."""
    yield from ready_images(settings)
    copied = [item.source for item in copies(settings) if item.name == "sentinel"]
    sentinel = settings.agent.sentinel.image or next(iter(copied), None)
    if sentinel is not None:
        yield "agent.sentinel.image", sentinel


def _sentinel(settings: Settings) -> Iterator[Finding]:
    """A sentinel of another version than the agents (docs page remote-execution-configure-agents)."""
    _, base = base_of(settings)
    agent, sentinel = astro_tag(base) if base else None, settings.agent.sentinel.image
    found = split_reference(sentinel)[1] if sentinel else ""
    if base and agent and found and found != agent["agent"]:
        yield IMAGE_SENTINEL.differs(
            "agent.sentinel.image", found=found, agent=agent["agent"], reference=base
        )


def _exists(context: Context, at: str, reference: str) -> Iterator[Finding]:
    """The cluster pulls these, perhaps by routes that this machine lacks: only a registry that answers is believed."""
    if not context.levels.enabled("image.exists"):
        return
    place = Reference.parse(reference)
    try:
        open_registry(context.settings, place.server).manifest(place.repository, place.tag)
    except (WebError, RegistryError) as error:
        if isinstance(error, RegistryError) and error.cause is Cause.NOT_FOUND:
            yield IMAGE_EXISTS.missing(at, reference=reference)
        else:
            yield IMAGE_EXISTS.unverified(at, reference=reference, detail=str(error))


def _contents(context: Context) -> Iterator[Finding]:
    """What the images install, apart from adapters, which depend on the projects."""
    checks = ("image.contents", "image.cosmos", "image.provider", "image.bundles", "image.python")
    if not context.levels.enabled(*checks):
        return
    images = context.images()
    yield from _bundles(context.settings, images.known)
    for at, reference in images.unlabelled:
        yield IMAGE_CONTENTS.unknown(at, reference=reference)
    for image in images.known:
        contents = image.contents
        if _COSMOS not in map(distribution, contents.packages):
            yield IMAGE_COSMOS.missing(image.packages_at, base=contents.base, where=image.where)
        if image.ready:
            for item in provider_shortcomings(context.settings, contents.packages):
                yield IMAGE_PROVIDER.old(
                    image.ready,
                    provider=PROVIDER,
                    version=item.version,
                    shortcoming=item.what,
                    better=item.better,
                )
        yield from _python(image)


def _bundles(settings: Settings, images: Sequence[KnownImage]) -> Iterator[Finding]:
    """Arguments of Git bundles that the images' Git provider does not take: Airflow would load no bundle at all."""
    for bundle in settings.fetched_bundles:
        at = f"{bundle.at}.arguments"
        for argument in bundle.arguments:
            since = ARGUMENTS.get(argument)
            if since is None:
                known = version_text(NEWEST_KNOWN)
                yield IMAGE_BUNDLES.unknown(at, argument=argument, provider=PROVIDER, known=known)
                continue
            for image in images:
                found = pinned(image.contents.packages, PROVIDER)
                if found is not None and found < since:
                    yield IMAGE_BUNDLES.too_old(
                        at,
                        argument=argument,
                        provider=PROVIDER,
                        version=version_text(found),
                        since=version_text(since),
                        where=image.packages_at,
                    )


def _python(image: KnownImage) -> Iterator[Finding]:
    base = image.contents.base
    tag = astro_tag(base)
    if tag is None or tuple(map(int, tag["python"].split("."))) < _PYTHON:
        return
    for requirement in image.contents.adapters:
        if distribution(requirement) == "dbt-core" and stays_below(requirement, _DBT_CORE):
            yield IMAGE_PYTHON.refused(
                image.adapters_at, requirement=requirement, python=tag["python"], base=base
            )
