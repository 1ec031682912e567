"""Credentials in plain text in a values file: where each one is, and the command that moves it without showing it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adoption import airflow_connection
from adoption.errors import AdoptionError


@dataclass(frozen=True)
class Clear:
    """A credential in plain text. Its text is not part of this; `text_of` reads it again."""

    where: str
    """Place in the values: `agentToken`, `commonEnv.NAME`, or `commonEnv.NAME#password` for a part of a connection."""
    key: str | None = None
    """Secret key of the stack that it goes to; None when it goes to a Kubernetes Secret."""
    secret: str | None = None
    """Kubernetes Secret that it goes to."""
    entry: str | None = None
    """Key in that Secret."""
    kind: str = "generic"
    """Type of that Secret, as `kubectl create secret` takes it."""

    def command(self, argument: str, *, stack: str, namespace: str) -> str:
        """A pipe from the values to where the credential belongs; ``argument`` names the values on the command line."""
        read = f"python -m adoption secret {self.where!r} {argument}".replace("'", '"')
        if self.key is not None:
            path = f"--path '{self.key}'" if "." in self.key else self.key
            return f"{read} | pulumi config set --secret {path} --stack {stack}"
        typed = f" --type={self.kind}" if self.kind != "generic" else ""
        return (
            f"{read} | kubectl --namespace {namespace} create secret generic {self.secret}{typed} "
            f"--from-file={self.entry}=/dev/stdin"
        )


def text_of(values: Mapping[str, Any], where: str) -> str:
    """A credential in plain text. Raises AdoptionError if there is none; its message never contains a value."""
    place, _, part = where.partition("#")
    found = _at(values, place)
    if part and isinstance(found, str):
        found = _login(found, part) if place == "imagePullSecretData" else _part(found, part)
    if not isinstance(found, str) or not found:
        raise AdoptionError(
            f"{where} is not in these values; `python -m adoption from-values` prints the places that are"
        )
    return found


def _at(values: Mapping[str, Any], place: str) -> Any:
    node: Any = values
    for name in place.split("."):
        if isinstance(node, list):
            named = [item for item in node if isinstance(item, dict) and item.get("name") == name]
            node = named[-1] if named else None
        elif isinstance(node, Mapping):
            node = node.get(name)
        else:
            return None
    return node.get("value") if isinstance(node, Mapping) else node


def _part(text: str, part: str) -> str | None:
    found = airflow_connection.read(text)
    if found is None:
        return None
    return {"password": found.password, "privateKey": found.private_key}.get(part)


def docker_logins(text: str) -> dict[str, tuple[str, str]]:
    """Registry -> (user, password) of a `.dockerconfigjson`; empty when it cannot be read."""
    try:
        auths = json.loads(text)["auths"]
        return {str(server): _docker_login(entry) for server, entry in auths.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def _docker_login(entry: Mapping[str, Any]) -> tuple[str, str]:
    if entry.get("username") and entry.get("password"):
        return str(entry["username"]), str(entry["password"])
    user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
    return user, password


def _login(text: str, server: str) -> str | None:
    found = docker_logins(text).get(server)
    return found[1] if found else None
