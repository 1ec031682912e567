"""A staged build context, as passed to the image component."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BuildContext:
    """A staged context."""

    folder: str
    """Folder, relative to the working directory, because the docker plugin compares it as text."""
    dockerfile: str
    """Dockerfile, likewise."""
    tag: str
    """Image tag, computed from the content and everything else that affects the image."""
