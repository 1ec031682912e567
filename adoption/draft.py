"""A stack file under construction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adoption.clear import Clear


@dataclass
class Draft:
    """What the parts of the translation add to."""

    config: dict[str, Any] = field(default_factory=dict)
    """Stack key -> value; nothing secret."""
    clear: list[Clear] = field(default_factory=list)
    """Credentials that were found in plain text."""
    notes: list[str] = field(default_factory=list)
    """What the user has to check, one sentence each."""

    @property
    def agent(self) -> dict[str, Any]:
        """The section `agent`."""
        found: dict[str, Any] = self.config.setdefault("agent", {})
        return found

    @property
    def raw(self) -> dict[str, Any]:
        """`agent.values`."""
        found: dict[str, Any] = self.agent.setdefault("values", {})
        return found
