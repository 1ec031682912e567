"""Names of container images, `server/repository:tag@digest` (github.com/distribution/reference)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ASTRO_TAG = re.compile(
    r"^(?P<runtime>\d+\.\d+(?:-\d+)?)(?:-ubi\d*)?-python-(?P<python>\d+\.\d+)-astro-agent-(?P<agent>.+?)(?:-base)?$"
)
"""Tags of Astro's agent images (docs page agent-images)."""


VENDOR = "images.astronomer.cloud"
"""Registry of the vendor's images (docs page agent-images)."""
HUB = "docker.io"
"""Docker Hub, as in the names of its images."""
HUB_HOSTS = frozenset(
    {HUB, "index.docker.io", "registry-1.docker.io", "hub.docker.com", "registry.hub.docker.com"}
)
"""Names that Docker Hub has or had."""


def split_reference(text: str) -> tuple[str, str, str]:
    """Name with its server, tag and digest of an image; the last two are empty where the text has none.

    >>> split_reference("127.0.0.1:5000/agent:1@sha256:0a")
    ('127.0.0.1:5000/agent', '1', 'sha256:0a')
    >>> split_reference("127.0.0.1:5000/agent")
    ('127.0.0.1:5000/agent', '', '')
    """
    rest, _, digest = text.partition("@")
    name, colon, tag = rest.rpartition(":")
    return (name, tag, digest) if colon and "/" not in tag else (rest, "", digest)


@dataclass(frozen=True)
class Reference:
    """What a request to a registry needs of an image's name."""

    server: str
    """Registry, as in the name; HUB where it names none."""
    repository: str
    """Repository in the registry."""
    tag: str
    """Tag or digest."""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """The parts of a name as Docker reads it.

        >>> Reference.parse("debian")
        Reference(server='docker.io', repository='library/debian', tag='latest')
        """
        name, tag, digest = split_reference(text)
        server = registry_of(name)
        if server is None:
            server, repository = HUB, name if "/" in name else f"library/{name}"
        else:
            repository = name.partition("/")[2]
        return cls(server, repository, digest or tag or "latest")


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
    found = _ASTRO_TAG.match(split_reference(reference)[1])
    return found.groupdict() if found else None
