"""Looks at the chart: its repository, its version, its values."""

from __future__ import annotations

from preflight.world import World


def look(world: World) -> None:
    """Look at the chart."""
    _ = world
