"""The Dag bundle that both options share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from delivery.git_access import dags_connection
from delivery.plan import GIT_BUNDLE, Bundle
from settings.stack import Settings

_DEFAULTS: Mapping[str, Any] = {"refresh_interval": 300, "submodules": False, "subdir": None}
"""What Airflow takes for an argument that a bundle leaves out (airflow.cfg, [dag_processor]; GitDagBundle)."""


def dag_bundle(settings: Settings, *, submodules: bool) -> Bundle:
    """The GitDagBundle of the Dag repository.

    The repository's URL is only in the connection: several provider versions lose the credentials if `repo_url` is set in
    addition to `git_conn_id` (apache/airflow#52332, #54642).
    """
    kwargs: dict[str, Any] = {
        "git_conn_id": dags_connection(settings),
        "tracking_ref": settings.dags.ref,
        "refresh_interval": settings.dags.refresh_interval,
    }
    if settings.dags.subdir:
        kwargs["subdir"] = settings.dags.subdir
    if submodules:
        kwargs["submodules"] = True
    bundle = Bundle(name=settings.dags.bundle_name, kwargs=kwargs)
    text = settings.agent.values.get("dagBundleConfigList")
    if isinstance(text, str) and says(
        text, bundle, public=None if settings.dags.connection else settings.dags.repo
    ):
        return Bundle(name=bundle.name, kwargs=kwargs, text=text)
    return bundle


def says(text: str, bundle: Bundle, *, public: str | None) -> bool:
    """Whether a `dagBundleConfigList` holds ``bundle``, in whatever spelling; more arguments and more bundles are fine.

    ``public`` is the URL of a repository that is opened without a connection.
    """
    return any(_same(entry, bundle, public) for entry in bundles_of(text))


def bundles_of(text: str) -> list[dict[str, Any]]:
    """The entries of a `dagBundleConfigList`; none when it is not a JSON list."""
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _same(entry: Mapping[str, Any], bundle: Bundle, public: str | None) -> bool:
    if entry.get("name") != bundle.name or entry.get("classpath") != GIT_BUNDLE:
        return False
    given, wanted = {**_DEFAULTS, **(entry.get("kwargs") or {})}, {**_DEFAULTS, **bundle.kwargs}
    if public is not None and given.get("repo_url") == public and not given.get("git_conn_id"):
        given["git_conn_id"] = wanted["git_conn_id"]
    return all(given.get(name) == value for name, value in wanted.items())
