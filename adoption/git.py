"""The Dag bundle and its Git connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from adoption.airflow_connection import AirflowConnection, read
from adoption.clear import Clear
from adoption.draft import Draft
from adoption.variables import reference_of
from delivery.bundle import bundles_of
from domain.address import AddressError, RepositoryAddress
from domain.connection_secret import CONNECTION_KEY, connection_variable
from settings.bundle_rules import GIT_BUNDLE

SecretReader = Callable[[str], Mapping[str, str] | None]
"""Data of a Kubernetes Secret by name, decoded; None when it cannot be read."""

UNKNOWN_REPOSITORY = "https://git.example.com/organisation/dags.git"
"""Placeholder in the stack file if the repository of the Dags is unknown."""
_DEFAULT_ID = "git_default"
"""Connection that GitDagBundle uses by default."""


def add_dags(
    draft: Draft, values: Mapping[str, Any], *, repository: str | None, secrets: SecretReader
) -> frozenset[str]:
    """Add `dags` and `connections`, and return the variables that they replace.

    ``repository`` is the Dag repository's URL, where the user names it; ``secrets`` reads the live Secrets.
    """
    text = values.get("dagBundleConfigList")
    listed = bundles_of(str(text or ""))
    entry = next((item for item in listed if item.get("classpath") == GIT_BUNDLE), None)
    if entry is None:
        known = listed or not text or text == "[]"
        cause = "names no GitDagBundle" if known else "is not the JSON of a list of bundles"
        draft.notes.append(
            f"dagBundleConfigList {cause}, and this program needs a GitDagBundle: correct `dags`, which only contains an example, and "
            "expect the Pods to restart"
        )
        draft.config["dags"] = {"repo": repository or UNKNOWN_REPOSITORY}
        return frozenset()
    kwargs = entry.get("kwargs") or {}
    dags: dict[str, Any] = {"repo": repository or kwargs.get("repo_url") or ""}
    for name, key in (("tracking_ref", "ref"), ("subdir", "subdir"), ("refresh_interval", "refreshInterval")):
        if kwargs.get(name) is not None:
            dags[key] = kwargs[name]
    if entry.get("name") != "dags":
        dags["name"] = str(entry.get("name"))
    identity = kwargs.get("git_conn_id") or (None if kwargs.get("repo_url") else _DEFAULT_ID)
    draft.config["dags"] = dags
    used = _add_connection(draft, values, dags, str(identity), secrets) if identity else frozenset()
    if not dags["repo"]:
        dags["repo"] = UNKNOWN_REPOSITORY
        draft.notes.append(
            "dags.repo: nothing in the values names the Dag repository; give --dags-repo, or correct the example in the file"
        )
    if isinstance(text, str):
        draft.raw["dagBundleConfigList"] = text
    return used


def fetches_submodules(values: Mapping[str, Any]) -> bool:
    """Whether a Git bundle of the values fetches submodules."""
    bundles = bundles_of(str(values.get("dagBundleConfigList") or ""))
    return any((item.get("kwargs") or {}).get("submodules") is True for item in bundles)


def _add_connection(
    draft: Draft, values: Mapping[str, Any], dags: dict[str, Any], identity: str, secrets: SecretReader
) -> frozenset[str]:
    name = connection_variable(identity)
    listed = values.get("commonEnv")
    entries = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
    entry = next((item for item in entries if item.get("name") == name), None)
    dags["connection"] = identity
    connections = draft.config.setdefault("connections", {})
    simple = re.fullmatch(r"[a-z][a-z0-9_]{0,39}", identity) is not None
    reference = reference_of(entry) if entry else None
    text = entry.get("value") if entry else None
    if reference is not None:
        data = secrets(reference["secret"]) or {}
        found = read(data.get(reference["key"], ""))
        if found is not None:
            dags["repo"] = dags["repo"] or _without_login(found.url)
        if found is not None and _over_ssh(found.url):
            # How its ssh finds the key is the release's own affair.
            connections[identity] = {"type": "ssh", "backend": True}
            return frozenset()
        connections[identity] = {"type": "https", "existingSecret": reference["secret"]}
        if reference["key"] != CONNECTION_KEY:
            connections[identity]["connectionKey"] = reference["key"]
        return frozenset({name})
    found = read(text) if isinstance(text, str) else None
    if found is not None and simple:
        dags["repo"] = dags["repo"] or _without_login(found.url)
        connections[identity] = _made_here(draft, identity, name, found)
        return frozenset({name})
    connections[identity] = {"type": "ssh" if _over_ssh(dags["repo"]) else "https", "backend": True}
    return frozenset()


def _made_here(draft: Draft, identity: str, variable: str, found: AirflowConnection) -> dict[str, Any]:
    """A connection whose credentials are in plain text: the stack takes them over."""
    place = f"commonEnv.{variable}"
    if found.app_id and found.installation_id:
        draft.clear.append(Clear(f"{place}#privateKey", key=f"credentials.{identity}.privateKey"))
        return {
            "type": "github-app",
            "appId": int(found.app_id),
            "installationId": int(found.installation_id),
        }
    if found.private_key:
        draft.clear.append(Clear(f"{place}#privateKey", key=f"credentials.{identity}.privateKey"))
        return {"type": "ssh"}
    if found.password:
        draft.clear.append(Clear(f"{place}#password", key=f"credentials.{identity}.password"))
        return {"type": "https", "login": found.login or "git"}
    return {"type": "https", "anonymous": True}


def _over_ssh(url: str) -> bool:
    try:
        return RepositoryAddress.parse(url).fetched_over_ssh
    except AddressError:
        return False


def _without_login(url: str) -> str:
    """The clone URL of a connection, without a user that Git over https would not need."""
    try:
        address = RepositoryAddress.parse(url)
    except AddressError:
        return ""
    return (
        url
        if address.fetched_over_ssh or not (address.user or address.carries_credentials)
        else str(address.without_user())
    )
