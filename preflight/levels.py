"""How strict each check is, by `preflight` of the stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches

from preflight.catalogue import CHECKS, FAMILIES
from preflight.report import Finding
from settings.preflight import Level, Preflight

_ALWAYS = "preflight"
"""Family whose findings are about the levels themselves."""


class Levels:
    """The levels of one stack; the most special entry wins: check, family, everything."""

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

    def looks(self, *checks: str) -> bool:
        """Whether any of the checks (ids or families) is to be made."""
        return any(
            self.of(check) != "off"
            for name in checks
            for check in CHECKS
            if check == name or check.split(".")[0] == name
        )

    def lowered(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """(case of preflight.level, key, facts) for every level that a reviewer should see."""
        base = self._preflight
        if base.level != "strict":
            if base.reason:
                yield base.level, "preflight.level", {"reason": base.reason}
            else:
                yield "unexplained", "preflight.level", {"level": base.level}
        known = {*CHECKS, *FAMILIES} - {_ALWAYS} - {name for name in CHECKS if name.startswith(f"{_ALWAYS}.")}
        for name, entry in sorted(base.checks.items()):
            key = f"preflight.checks.{name}"
            if name not in known:
                near = get_close_matches(name, known, n=1)
                yield "unknown", key, {"near": near[0] if near else ", ".join(sorted(FAMILIES - {_ALWAYS}))}
            elif entry.level != "strict":
                yield entry.level, key, {"reason": entry.reason.rstrip(".")}
