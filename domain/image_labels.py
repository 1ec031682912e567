"""Labels of the agents' image that record what the recipe installed, so that a ready image can be checked like one built here.

The values are JSON, readable with `docker inspect` and easy to parse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

_BASE = "io.astro-dbt.base"
_PACKAGES = "io.astro-dbt.packages"
_ADAPTERS = "io.astro-dbt.adapters"


@dataclass(frozen=True)
class ImageContents:
    """What the recipe installs on a base image."""

    base: str
    """Reference of the base image."""
    packages: tuple[str, ...]
    """Requirements for the agent's Python, as in the stack file."""
    adapters: tuple[str, ...]
    """Requirements for dbt's virtual environment; empty if dbt comes with the base image."""


def encode(contents: ImageContents) -> dict[str, str]:
    """Labels (name -> value) of an image."""
    return {
        _BASE: json.dumps(contents.base),
        _PACKAGES: json.dumps(contents.packages),
        _ADAPTERS: json.dumps(contents.adapters),
    }


def decode(labels: Mapping[str, str]) -> ImageContents | None:
    """Content of the labels; None if they are missing or were not written by `encode`."""
    try:
        base, packages, adapters = (json.loads(labels[name]) for name in (_BASE, _PACKAGES, _ADAPTERS))
    except (KeyError, TypeError, ValueError):
        return None
    if not isinstance(base, str) or not _is_texts(packages) or not _is_texts(adapters):
        return None
    return ImageContents(base, tuple(packages), tuple(adapters))


def instructions(labels: Mapping[str, str]) -> str:
    """LABEL instructions of a Dockerfile.

    Docker expands variables and removes backslashes between double quotes (docs.docker.com, Dockerfile reference, "escape" and
    "Environment replacement"), so the three characters that are special there are escaped.
    """
    return "".join(f'LABEL {name}="{_escape(value)}"\n' for name, value in labels.items())


def _escape(value: str) -> str:
    return re.sub(r'[\\"$]', r"\\\g<0>", value)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
