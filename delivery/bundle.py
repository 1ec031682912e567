"""The Dag bundle that both options share."""

from __future__ import annotations

from typing import Any

from delivery.git_access import dags_connection
from delivery.plan import Bundle
from settings.stack import Settings


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
    return Bundle(name=settings.dags.bundle_name, kwargs=kwargs)
