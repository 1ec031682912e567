"""Logins in the Docker configuration of this machine: in plain text, or in a credential helper (docs.docker.com, docker login)."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clients.registry import Login
from domain.image_reference import HUB_HOSTS

_HUB_KEY = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"  # noqa: S105 - what helpers call the user of an identity token
_SECONDS = 20


def docker_login(server: str) -> Login | None:
    """Login for a registry in the Docker configuration; None if it is missing or in a credential helper."""
    entry = _of_server(_docker_config().get("auths"), server)
    if not isinstance(entry, Mapping):
        return None
    token = entry.get("identitytoken")
    try:
        username, _, password = base64.b64decode(str(entry.get("auth") or "")).decode().partition(":")
    except ValueError:
        username = password = ""
    if isinstance(token, str) and token:
        return Login(username, "", identity_token=token)
    return Login(username, password.rstrip("\0")) if username and password else None


def has_credential_helper(server: str) -> bool:
    """Whether the Docker configuration names a credential helper for this registry."""
    config = _docker_config()
    return bool(config.get("credsStore")) or _of_server(config.get("credHelpers"), server) is not None


def _of_server(entries: object, server: str) -> object:
    """The entry of a registry; keys may be URLs (docker/cli, credentials.ConvertToHostname)."""
    if not isinstance(entries, Mapping):
        return None
    names = HUB_HOSTS if server in HUB_HOSTS else {server.lower()}
    return next((entry for key, entry in entries.items() if _host(str(key)) in names), None)


def _host(key: str) -> str:
    return re.sub(r"^https?://", "", key.lower()).partition("/")[0]


def _docker_config() -> dict[str, Any]:
    folder = os.environ.get("DOCKER_CONFIG")
    path = (Path(folder) if folder else Path.home() / ".docker") / "config.json"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def helper_login(server: str) -> Login | None:
    """Login that a credential helper has for a registry; None without a helper, or when it has none.

    Helpers of clouds (ecr-login, gcloud, acr-env) create a token that lasts for hours, so no password has to be stored. The
    protocol is that of github.com/docker/docker-credential-helpers: `get`, with the server on standard input.
    """
    config = _docker_config()
    name = _of_server(config.get("credHelpers"), server) or config.get("credsStore")
    program = shutil.which(f"docker-credential-{name}") if isinstance(name, str) and name else None
    if program is None:
        return None
    asked = _HUB_KEY if server in HUB_HOSTS else server
    try:
        done = subprocess.run(
            [program, "get"], input=asked, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        found = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    if not isinstance(found, Mapping) or not found.get("Secret"):
        return None
    username, secret = str(found.get("Username") or ""), str(found["Secret"])
    return Login(username, "", identity_token=secret) if username == _TOKEN_USER else Login(username, secret)
