"""Content of a Git connection's Secret: its keys, and the only functions that write it.

docs/connections.md describes the same for existing Secrets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from domain.basic_auth import basic_auth

CONNECTION_VARIABLE = "AIRFLOW_CONN_"
"""Start of the variable with an Airflow connection (airflow.apache.org, "Managing Connections")."""
CONNECTION_KEY = "connection"
"""Key of the Airflow connection as JSON."""
HEADER_KEY = "http-header"
"""Key of the HTTP header for submodules."""
SSH_KEY = "ssh-privatekey"
"""Key of the private key (the name that Kubernetes' own ssh-auth Secrets use)."""
KNOWN_HOSTS_KEY = "known_hosts"
"""Key of the known host keys."""


def connection_variable(identity: str) -> str:
    """Variable with an Airflow connection.

    >>> connection_variable("git_default")
    'AIRFLOW_CONN_GIT_DEFAULT'
    """
    return f"{CONNECTION_VARIABLE}{identity.upper()}"


def https_secret(
    url: str, *, login: str, password: str, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Data of the Secret of an https connection; ``extra`` are the ssh options of its Airflow connection."""
    return {
        CONNECTION_KEY: airflow_connection(url, login=login, password=password, extra=extra),
        HEADER_KEY: http_header(login, password),
    }


def ssh_secret(private_key: str, *, known_hosts: str | None = None) -> dict[str, str]:
    """Data of the Secret of an ssh connection."""
    known = {KNOWN_HOSTS_KEY: known_hosts.strip() + "\n"} if known_hosts else {}
    return {SSH_KEY: private_key, **known}


def github_app_secret(url: str, *, app_id: int, installation_id: int, private_key: str) -> dict[str, str]:
    """Data of the Secret of a GitHub App's connection; the ids are text, as Airflow's form writes them."""
    extra = {
        "github_app_id": str(app_id),
        "github_installation_id": str(installation_id),
        "private_key": private_key,
    }
    return {CONNECTION_KEY: airflow_connection(url, extra=extra)}


def airflow_connection(
    url: str,
    *,
    login: str | None = None,
    password: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> str:
    """An Airflow connection of type `git` as JSON; ``url`` is the full clone URL, which the provider reads as its host."""
    value: dict[str, Any] = {"conn_type": "git", "host": url}
    if password is not None:
        value |= {"login": login, "password": password}
    if extra:
        value["extra"] = dict(extra)
    return json.dumps(value, sort_keys=True)


def parse_airflow_connection(text: str) -> dict[str, Any] | None:
    """An Airflow connection in JSON; None for one in another format (such as a URI)."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def extra_of(connection: Mapping[str, Any]) -> Mapping[str, Any]:
    """Extra of an Airflow connection, which may be a mapping or JSON text; empty if it is neither."""
    extra = connection.get("extra") or {}
    if isinstance(extra, str):
        return parse_airflow_connection(extra) or {}
    return extra if isinstance(extra, dict) else {}


def http_header(login: str, password: str) -> str:
    """The header for access with user and token (RFC 7617)."""
    return f"Authorization: Basic {basic_auth(login, password)}"
