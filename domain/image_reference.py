"""Names of container images."""

from __future__ import annotations

import re

_ASTRO_TAG = re.compile(
    r"^(?P<runtime>\d+\.\d+(?:-\d+)?)(?:-ubi\d*)?-python-(?P<python>\d+\.\d+)-astro-agent-(?P<agent>.+?)(?:-base)?$"
)
"""Tags of Astro's agent images (docs page agent-images)."""


HUB = "docker.io"
"""Docker Hub, as in the names of its images."""
HUB_HOSTS = frozenset(
    {HUB, "index.docker.io", "registry-1.docker.io", "hub.docker.com", "registry.hub.docker.com"}
)
"""Names that Docker Hub has or had."""


def registry_of(reference: str) -> str | None:
    """Host (with port) at the start of an image's name; None if it has none, which means Docker Hub.

    The first part is a host if it has a dot or a colon or is localhost (github.com/distribution/reference, `normalize.go`).
    """
    first, slash, _ = reference.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else None


def astro_tag(reference: str) -> dict[str, str] | None:
    """Versions of Runtime, Python and agent in the tag of an Astro agent image; None for other tags.

    >>> astro_tag("images.example.com/agent:3.1-3-python-3.12-astro-agent-1.2.0")
    {'runtime': '3.1-3', 'python': '3.12', 'agent': '1.2.0'}
    """
    tag = reference.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = _ASTRO_TAG.match(tag)
    return found.groupdict() if found else None
