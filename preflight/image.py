"""Looks at the images, their registries and the engine that builds."""

from __future__ import annotations

from preflight.world import World


def look(world: World) -> None:
    """Look at the images."""
    _ = world


def look_at_engine(world: World) -> None:
    """Look at the Docker engine."""
    _ = world
