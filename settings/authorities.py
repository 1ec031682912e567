"""Certificate authorities of Git hosts, read from the files that the stack names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from settings.connections import GithubAppConnection, HttpsConnection
from settings.stack import Settings


def authorities(settings: Settings, root: Path) -> Mapping[str, str]:
    """Connection id -> PEM text of the certificate authority of its Git host; ``root`` is where relative paths start."""
    return {
        name: (root / connection.ca_bundle).read_text(encoding="utf-8")
        for name, connection in settings.connections.items()
        if isinstance(connection, HttpsConnection | GithubAppConnection) and connection.ca_bundle
    }
