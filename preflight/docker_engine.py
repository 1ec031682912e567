"""Checks of the Docker engine that builds the image."""

from __future__ import annotations

import os

from clients.docker import DEFAULT_ENGINE, EngineError, ping
from clients.errors import Cause
from preflight.world import World


def look(world: World) -> None:
    """Check whether the engine that builds the image answers."""
    image = world.settings.image
    engine = (image.engine if image else None) or os.environ.get("DOCKER_HOST") or DEFAULT_ENGINE
    try:
        ping(engine, timeout=world.timeout)
    except EngineError as error:
        case = "unverified" if error.cause is Cause.UNVERIFIED else "unreachable"
        world.found("image.engine", case, at="image.engine", engine=engine, detail=error)
