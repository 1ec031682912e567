"""`preflight`: how strict the look at the world before a change is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from settings.base import Section

Level = Literal["strict", "warn", "off"]
"""strict: errors stop; warn: errors become warnings; off: the check is not made."""


class CheckLevel(Section):
    """Level of one check or family of checks, and why it differs."""

    level: Level
    """How strict."""
    reason: Annotated[str, StringConstraints(min_length=3)]
    """Why; shown in every preview, so that a reviewer sees it."""


class Preflight(Section):
    """Read-only checks of Git, registry, cluster and chart in every preview and update."""

    level: Level = "strict"
    """Level of every check that `checks` does not name."""
    reason: Annotated[str, StringConstraints(min_length=3)] | None = None
    """Why the level is not strict."""
    checks: dict[str, CheckLevel] = {}
    """Levels by check id (`git.ref`) or family (`git`); the ids stand in docs/preflight.md."""
    timeout: Annotated[int, Field(ge=1, le=300)] = 15
    """Seconds that one look at one host may take."""
