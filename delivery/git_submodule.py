"""Option `git-submodule`: dbt projects are submodules of the Dag repository and reach the agents with it."""

from __future__ import annotations

from collections.abc import Mapping

from delivery.bundle import dag_bundles, text_of_stack
from delivery.dag_environment import dag_environment, in_repositories
from delivery.git_access import git_access
from delivery.plan import Plan
from delivery.recipe import runtime_recipe
from settings.stack import Settings

BUNDLE_STORAGE = "/tmp/airflow/dag_bundles"  # noqa: S108 - the agents' default dag_bundle_storage_path
"""Folder of the agents' bundles."""


def plan(settings: Settings, *, authorities: Mapping[str, str]) -> Plan:
    """Plan of the stack under this option."""
    bundles = dag_bundles(settings)
    access = git_access(settings, authorities=authorities)
    homes = {project.name: settings.bundle_of(project) for project in settings.dbt_projects}
    folders = {
        name: f"{BUNDLE_STORAGE}/{bundle.name}/tracking_repo" for name, bundle in homes.items() if bundle
    }
    return Plan(
        option="git-submodule",
        bundles=bundles,
        bundle_text=text_of_stack(settings, bundles),
        environment=(*dag_environment(settings, in_repositories(settings)), *access.environment),
        mounts=access.mounts,
        config_files=access.config_files,
        connections_read=access.connections,
        project_paths={
            project.name: f"{folders[project.name]}/{project.path}" for project in settings.dbt_projects
        },
        runtime=runtime_recipe(settings),
    )
