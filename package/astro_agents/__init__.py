"""Astro Remote Execution Agents as one Pulumi component."""

from astro_agents.location import make_importable

make_importable()

from astro_agents.component import AstroAgents, AstroAgentsArgs  # noqa: E402 - needs the packages of the program

__all__ = ["AstroAgents", "AstroAgentsArgs"]
