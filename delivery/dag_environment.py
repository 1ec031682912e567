"""Environment of every Dag: where the dbt projects are, and settings for Cosmos on remote agents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from delivery.plan import EnvVar
from delivery.recipe import DBT
from domain.names import DBT_VARIABLE, PROJECTS_VARIABLE, SUBDIR_VARIABLE
from settings.stack import Settings

IMPORT_SECONDS = 180
"""Seconds that the first parse of a new commit may take, in which dbt parses the whole project (Airflow's default is 30)."""


def in_repositories(settings: Settings) -> dict[str, dict[str, str]]:
    """Where dbt projects are that come with the repository of their bundle."""
    places: dict[str, dict[str, str]] = {}
    for project in settings.dbt_projects:
        bundle = settings.bundle_of(project)
        places[project.name] = {"repository": str(project.path)}
        if bundle and len(settings.dags) > 1:
            places[project.name] |= {"bundle": bundle.name, "subdir": bundle.subdir or ""}
    return places


def dag_environment(settings: Settings, places: Mapping[str, Mapping[str, str]]) -> Iterator[EnvVar]:
    """Variables for every Dag of the agents.

    ``places`` maps dbt projects to {"image": …} or {"repository": …}. Cosmos stores the result of `dbt ls` in an Airflow
    Variable, which a remote Dag processor cannot write: each attempt would add a traceback to the logs on the Pod's disk
    (astronomer-cosmos#2551). Its cache folder must be writable, even with a read-only root file system.
    """
    yield EnvVar(PROJECTS_VARIABLE, json.dumps(places, sort_keys=True))
    first = settings.git_bundles[0] if settings.git_bundles else None
    yield EnvVar(SUBDIR_VARIABLE, (first.subdir or "") if first else "")
    if settings.image is not None and settings.image.adapters:
        yield EnvVar(DBT_VARIABLE, DBT)
    yield EnvVar("AIRFLOW__COSMOS__CACHE_DIR", "/tmp/cosmos")  # noqa: S108 - folder of the container
    yield EnvVar("AIRFLOW__COSMOS__ENABLE_CACHE_DBT_LS", "False")
    yield EnvVar("AIRFLOW__COSMOS__ENABLE_CACHE_DBT_YAML_SELECTORS", "False")
    yield EnvVar("AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", str(IMPORT_SECONDS))
    yield EnvVar("AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT", str(IMPORT_SECONDS + 60))
