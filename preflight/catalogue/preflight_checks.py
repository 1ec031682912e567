"""Checks of preflight itself: its levels, and whether its probes end."""

from __future__ import annotations

from preflight.check import Check, error, info, warning


class PreflightLevel(Check, id="preflight.level"):
    """Levels other than strict appear in every preview."""

    @warning("preflight.checks.<id>", "preflight.level")
    def off(self, *, reason: str) -> str:
        return f"is off, so nothing of it was checked; the reason given is: {reason}"

    @info("preflight.checks.<id>", "preflight.level")
    def warn(self, *, reason: str) -> str:
        return f"turns errors into warnings; the reason given is: {reason}"

    @warning("preflight.level")
    def unexplained(self, *, level: str) -> str:
        return f"is {level} without a reason; write preflight.reason for those who review the stack"

    @error("preflight.checks.<id>")
    def unknown(self, *, near: str) -> str:
        return f"is not a check; write {near}, or remove it (docs/preflight.md lists all checks)"


class PreflightTime(Check, id="preflight.time"):
    """Every probe ends, and in time."""

    @error("preflight.timeout")
    def unfinished(self, *, subject: str) -> str:
        return (
            f"ran out while checking {subject}; try again, raise it, or switch that family off with a reason"
        )

    @error("preflight.checks.<id>")
    def broken(self, *, check: str, subject: str, detail: str) -> str:
        return (
            f"covers checks of {subject} that failed unexpectedly ({detail}); report this as a bug of the program, and "
            f"until it is fixed set preflight.checks.{check} to off with a reason"
        )


PREFLIGHT_LEVEL = PreflightLevel()
PREFLIGHT_TIME = PreflightTime()

CHECKS: tuple[Check, ...] = (PREFLIGHT_LEVEL, PREFLIGHT_TIME)
"""In the order of docs/preflight.md."""
