"""The Dag bundles of both options, as Airflow's configuration lists them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from delivery.plan import Bundle
from delivery.recipe import bundle_folder
from settings.bundle_rules import GIT_BUNDLE
from settings.dags import Bundle as BundleSettings
from settings.dags import ClassBundle, GitBundle, airflow_connections
from settings.stack import Settings

LOCAL_BUNDLE = "airflow.dag_processing.bundles.local.LocalDagBundle"
"""Class of bundles whose Dags are in the image."""
_OF_EVERY_CLASS = frozenset({"view_url_template"})
"""Arguments of Airflow's BaseDagBundle that are of use without a repository."""
_DEFAULTS: Mapping[str, Any] = {"refresh_interval": 300, "submodules": False, "subdir": None}
"""What Airflow takes for an argument that a bundle leaves out (airflow.cfg, [dag_processor]; GitDagBundle)."""


def dag_bundles(settings: Settings) -> tuple[Bundle, ...]:
    """The bundles of a stack, in the order of its file."""
    return tuple(_bundle(settings, bundle) for bundle in settings.dags)


def _bundle(settings: Settings, bundle: BundleSettings) -> Bundle:
    if isinstance(bundle, ClassBundle):
        kwargs = {**bundle.arguments, "refresh_interval": bundle.refresh_interval}
        return Bundle(bundle.name, bundle.class_path, kwargs)
    if bundle in settings.baked_bundles:
        kept = {name: value for name, value in bundle.arguments.items() if name in _OF_EVERY_CLASS}
        return Bundle(bundle.name, LOCAL_BUNDLE, {**kept, "path": bundle_folder(bundle)})
    return Bundle(bundle.name, GIT_BUNDLE, _git_arguments(settings, bundle))


def _git_arguments(settings: Settings, bundle: GitBundle) -> dict[str, Any]:
    """Arguments of a GitDagBundle.

    The repository's URL is only in the connection: several provider versions lose the credentials if `repo_url` is set in
    addition to `git_conn_id` (apache/airflow#52332, #54642).
    """
    kwargs: dict[str, Any] = {
        **bundle.arguments,
        "git_conn_id": airflow_connections(settings.git_bundles)[bundle.name],
        "tracking_ref": bundle.ref,
        "refresh_interval": bundle.refresh_interval,
    }
    if bundle.subdir:
        kwargs["subdir"] = bundle.subdir
    if settings.fetches_submodules(bundle):
        kwargs["submodules"] = True
    return kwargs


def text_of_stack(settings: Settings, bundles: Sequence[Bundle]) -> str | None:
    """The raw `dagBundleConfigList` of a stack, if it contains ``bundles``: its spelling and its additional bundles are kept."""
    text = settings.agent.values.get("dagBundleConfigList")
    public = {item.name: item.repo for item in settings.git_bundles if not item.connection}
    if isinstance(text, str) and all(
        says(text, bundle, public=public.get(bundle.name)) for bundle in bundles
    ):
        return text
    return None


def says(text: str, bundle: Bundle, *, public: str | None) -> bool:
    """Whether a `dagBundleConfigList` contains ``bundle``, in any spelling; more arguments and more bundles are fine.

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
    if entry.get("name") != bundle.name or entry.get("classpath") != bundle.class_path:
        return False
    given, wanted = {**_DEFAULTS, **(entry.get("kwargs") or {})}, {**_DEFAULTS, **bundle.kwargs}
    if public is not None and given.get("repo_url") == public and not given.get("git_conn_id"):
        given["git_conn_id"] = wanted.get("git_conn_id")
    return all(given.get(name) == value for name, value in wanted.items())
