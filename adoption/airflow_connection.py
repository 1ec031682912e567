"""An Airflow connection in plain text in a values file, as JSON or as a URI (airflow.apache.org, "Managing Connections")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from domain.connection_secret import extra_of, parse_airflow_connection


@dataclass(frozen=True)
class AirflowConnection:
    """The parts that say how a Git repository is opened."""

    kind: str
    """Type, for example `git`."""
    url: str
    """Clone URL: the host of a Git connection."""
    login: str | None = None
    """User."""
    password: str | None = None
    """Token."""
    private_key: str | None = None
    """Private key in the extra."""
    app_id: str | None = None
    """Id of a GitHub App."""
    installation_id: str | None = None
    """Installation of the GitHub App."""

    def __repr__(self) -> str:
        return f"AirflowConnection({self.kind})"


def read(text: str) -> AirflowConnection | None:
    """The connection in a text; None if there is none."""
    found: Mapping[str, Any] | None = parse_airflow_connection(text) or _of_uri(text)
    if not found or not isinstance(found.get("conn_type"), str):
        return None
    extra = extra_of(found)
    return AirflowConnection(
        kind=str(found["conn_type"]),
        url=str(found.get("host") or ""),
        login=_text(found.get("login")),
        password=_text(found.get("password")),
        private_key=_text(extra.get("private_key")),
        app_id=_text(extra.get("github_app_id")),
        installation_id=_text(extra.get("github_installation_id")),
    )


def _of_uri(text: str) -> Mapping[str, Any] | None:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if not parts.scheme or "://" not in text:
        return None
    host = (
        unquote(parts.hostname or "") if "%" not in parts.netloc else unquote(parts.netloc.rpartition("@")[2])
    )
    query = dict(parse_qsl(parts.query))
    extra: Any = query
    if "__extra__" in query:
        try:
            extra = json.loads(query["__extra__"])
        except ValueError:
            extra = {}
    return {
        "conn_type": parts.scheme,
        "host": f"{host}:{port}" if port else host,
        "login": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "extra": extra,
    }


def _text(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None
