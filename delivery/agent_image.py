"""Option `agent-image`: dbt projects are baked into the agent client image, and the Dags too if the stack asks for it."""

from __future__ import annotations

from collections.abc import Mapping

from delivery.bundle import dag_bundles, text_of_stack
from delivery.dag_environment import dag_environment
from delivery.git_access import git_access
from delivery.plan import Plan
from delivery.recipe import PROJECTS_ROOT, projects_recipe, runtime_recipe
from settings.stack import Settings


def plan(settings: Settings, *, authorities: Mapping[str, str]) -> Plan:
    """Plan of the stack under this option."""
    bundles = dag_bundles(settings)
    access = git_access(settings, authorities=authorities)
    paths = {project.name: f"{PROJECTS_ROOT}/{project.name}" for project in settings.dbt_projects}
    places = {name: {"image": path} for name, path in paths.items()}
    return Plan(
        option="agent-image",
        bundles=bundles,
        bundle_text=text_of_stack(settings, bundles),
        environment=(*dag_environment(settings, places), *access.environment),
        mounts=access.mounts,
        config_files=access.config_files,
        connections_read=access.connections,
        project_paths=paths,
        runtime=runtime_recipe(settings),
        projects=projects_recipe(settings),
    )
