"""Option `git-submodule`: dbt projects are submodules of the Dag repository and reach the agents with it."""

from __future__ import annotations

from collections.abc import Mapping

from delivery.bundle import dag_bundle
from delivery.dag_environment import dag_environment
from delivery.git_access import git_access
from delivery.plan import Plan
from delivery.recipe import runtime_recipe
from settings.stack import Settings

BUNDLE_STORAGE = "/tmp/airflow/dag_bundles"  # noqa: S108 - the agents' default dag_bundle_storage_path
"""Folder of the agents' bundles."""


def plan(settings: Settings, *, authorities: Mapping[str, str]) -> Plan:
    """Plan of the stack under this option."""
    access = git_access(settings, authorities=authorities, submodules=True)
    submodules = bool(settings.projects_delivered_as_submodules) or bool(settings.dags.submodules)
    root = f"{BUNDLE_STORAGE}/{settings.dags.bundle_name}/tracking_repo"
    places = {project.name: {"repository": str(project.path)} for project in settings.dbt_projects}
    return Plan(
        option="git-submodule",
        bundle=dag_bundle(settings, submodules=submodules),
        environment=(*dag_environment(settings, places), *access.environment),
        mounts=access.mounts,
        config_files=access.config_files,
        connections_read=access.connections,
        project_paths={project.name: f"{root}/{project.path}" for project in settings.dbt_projects},
        runtime=runtime_recipe(settings),
    )
