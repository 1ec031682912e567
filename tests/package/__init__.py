"""The package, imported as a checkout offers it."""

import sys

from tests.support.stacks import ROOT

sys.path.append(str(ROOT / "package"))

from astro_agents import AstroAgents, location
from astro_agents.plugin import AgentsProvider


def version() -> str:
    """Version of the package."""
    return location.VERSION


__all__ = ["AgentsProvider", "AstroAgents", "version"]
