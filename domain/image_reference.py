"""Names of container images."""

from __future__ import annotations


def registry_of(reference: str) -> str | None:
    """Host (with port) at the beginning of an image's name; None when it has none, and Docker Hub is meant.

    The first part is a host if it has a dot or a colon or is localhost (github.com/distribution/reference, `normalize.go`).
    """
    first, slash, _ = reference.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else None
