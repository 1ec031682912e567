"""`preflight`: how strict the checks before a change are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from settings.base import Section

Level = Literal["strict", "warn", "off"]
"""strict: errors stop the change; warn: errors become warnings; off: the check is skipped."""


class CheckLevel(Section):
    """Level of one check or family of checks, and why it differs."""

    level: Level
    """The level."""
    reason: Annotated[str, StringConstraints(min_length=3)]
    """Reason, shown to reviewers in every preview."""


class Preflight(Section):
    """Read-only checks of Git, registry, cluster and chart in every preview and update."""

    level: Level = "strict"
    """Level of every check that `checks` does not name."""
    reason: Annotated[str, StringConstraints(min_length=3)] | None = None
    """Reason why the level is not strict."""
    checks: dict[str, CheckLevel] = {}
    """Levels by check id (`git.ref`) or family (`git`); docs/preflight.md lists the ids."""
    timeout: Annotated[int, Field(ge=1, le=300)] = 15
    """Seconds that one check of one host may take."""
