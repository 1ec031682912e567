"""The Docker engine that builds the image."""

from __future__ import annotations

from collections.abc import Iterator

from clients.docker import EngineError, engine_address, ping
from clients.errors import Cause
from preflight.catalogue.image_checks import IMAGE_ENGINE
from preflight.context import Context
from preflight.report import Finding


def find(context: Context) -> Iterator[Finding]:
    """Whether the engine that builds the image answers."""
    image = context.settings.image
    engine = engine_address(image.engine if image else None)
    try:
        ping(engine, timeout=context.timeout)
    except EngineError as error:
        case = IMAGE_ENGINE.unverified if error.cause is Cause.UNVERIFIED else IMAGE_ENGINE.unreachable
        yield case("image.engine", engine=engine, detail=str(error))
