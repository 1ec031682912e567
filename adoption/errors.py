"""What a user reads when a release cannot be taken over."""

from __future__ import annotations

from domain.errors import ReportedError


class AdoptionError(ReportedError):
    """One sentence: the argument, what is wrong, what to write instead."""
