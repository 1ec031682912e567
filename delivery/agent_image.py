"""Option `agent-image`: dbt projects are baked into the agent client image; the Dags still come from Git."""

from __future__ import annotations

from collections.abc import Mapping

from delivery.bundle import dag_bundle
from delivery.git_access import git_access
from delivery.plan import EnvVar, Plan
from delivery.recipe import PROJECTS_ROOT, recipe
from settings.stack import Settings

PROJECTS_VARIABLE = "ASTRO_DBT_PROJECTS"
"""Variable that tells a Dag where the image holds the dbt projects; not set under the other option."""


def plan(settings: Settings, *, authorities: Mapping[str, str]) -> Plan:
    """What the stack provisions under this option."""
    submodules = bool(settings.dags.submodules)
    access = git_access(settings, authorities=authorities, submodules=submodules)
    return Plan(
        option="agent-image",
        bundle=dag_bundle(settings, submodules=submodules),
        environment=(EnvVar(PROJECTS_VARIABLE, PROJECTS_ROOT), *access.environment),
        mounts=access.mounts,
        config_files=access.config_files,
        connections_read=access.connections,
        project_paths={project.name: f"{PROJECTS_ROOT}/{project.name}" for project in settings.dbt_projects},
        recipe=recipe(settings),
    )
