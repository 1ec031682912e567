"""How strict each check is, by `preflight` of the stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from domain.suggestions import nearest
from preflight.catalogue import CHECKS, FAMILIES
from preflight.catalogue.preflight_checks import PREFLIGHT_LEVEL
from preflight.report import Finding
from settings.preflight import Level, Preflight

_ALWAYS = PREFLIGHT_LEVEL.family
"""Family of the findings about preflight itself, which is always strict."""


class Levels:
    """The levels of one stack; the most specific entry wins: check, family, everything."""

    def __init__(self, preflight: Preflight) -> None:
        self._preflight = preflight

    def of(self, check: str) -> Level:
        """Level of a check."""
        family = check.split(".")[0]
        if family == _ALWAYS:
            return "strict"
        entry = self._preflight.checks.get(check) or self._preflight.checks.get(family)
        return entry.level if entry else self._preflight.level

    def apply(self, finding: Finding, *, under: str | None = None) -> Finding | None:
        """The finding at its level, or at that of the check or family ``under``; None when that is off."""
        level = self.of(under or finding.check)
        if level == "off":
            return None
        if level == "warn" and finding.severity == "error":
            return replace(finding, severity="warning")
        return finding

    def enabled(self, *checks: str) -> bool:
        """Whether any of the checks (ids or families) is not off."""
        return any(
            self.of(check) != "off"
            for name in checks
            for check in CHECKS
            if check == name or check.split(".")[0] == name
        )

    def findings(self) -> Iterator[Finding]:
        """Every level that a reviewer should see."""
        base = self._preflight
        if base.level != "strict":
            if base.reason:
                yield _lowered("preflight.level", base.level, base.reason)
            else:
                yield PREFLIGHT_LEVEL.unexplained("preflight.level", level=base.level)
        known = {*CHECKS, *FAMILIES} - {_ALWAYS} - {name for name in CHECKS if name.startswith(f"{_ALWAYS}.")}
        for name, entry in sorted(base.checks.items()):
            key = f"preflight.checks.{name}"
            if name not in known:
                families = ", ".join(sorted(FAMILIES - {_ALWAYS}))
                yield PREFLIGHT_LEVEL.unknown(key, near=nearest(name, known) or families)
            elif entry.level != "strict":
                yield _lowered(key, entry.level, entry.reason.rstrip("."))


def _lowered(key: str, level: Level, reason: str) -> Finding:
    case = PREFLIGHT_LEVEL.off if level == "off" else PREFLIGHT_LEVEL.warn
    return case(key, reason=reason)
