"""`mirror`: copies of the vendor's images in the stack's own registry."""

from __future__ import annotations

from settings.base import Section
from settings.image import Repository


class Mirror(Section):
    """Copy the agent's base image and the sentinel's into a registry of yours, by digest; nodes and builds then use the copies."""

    repository: Repository
    """Repository prefix of the copies, to which the last part of each image's name is added: registry.example.com/mirror."""
    base: bool = True
    """Copy the image that agents run or build on."""
    sentinel: bool = True
    """Copy the sentinel's image, of the agent's version unless agent.sentinel.image names one (chart 2.x)."""
