"""What the files of a dbt project say, wherever they come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from clients.git import Entry
from preflight.world import World
from settings.dbt import DbtProject

PROJECT, PROFILES, LOCK = "dbt_project.yml", "profiles.yml", "package-lock.yml"
READ = (PROJECT, PROFILES, LOCK, "packages.yml", "dependencies.yml")


def files_of(entries: Mapping[str, Entry], folder: str) -> list[Entry]:
    """The files of a dbt project in ``folder`` that a look reads."""
    prefix = f"{folder}/" if folder else ""
    found = (entries.get(prefix + name) for name in READ)
    return [entry for entry in found if entry is not None and entry.kind == "file"]


def examine(world: World, index: int, files: Mapping[str, bytes], *, at: str, where: str) -> str | None:
    """Judge a project by its files (name -> content); its name in dbt_project.yml, when that can be read."""
    project = world.settings.dbt_projects[index]
    if PROJECT not in files:
        world.found("dbt.project", "missing", at=at, where=where)
        return None
    parsed: dict[str, Any] = {}
    for name, content in files.items():
        try:
            parsed[name] = yaml.safe_load(content)
        except (yaml.YAMLError, UnicodeDecodeError):
            # A profile may be a template that only dbt can read.
            if name != PROFILES:
                world.found("dbt.project", "invalid", at=at, where=where, file=name)
    definition = parsed.get(PROJECT)
    if not isinstance(definition, dict):
        if PROJECT in parsed:
            world.found("dbt.project", "invalid", at=at, where=where, file=PROJECT)
        return None
    for name in ("packages.yml", "dependencies.yml"):
        listed = parsed.get(name)
        if isinstance(listed, dict) and listed.get("packages") and LOCK not in files:
            world.found("dbt.packages", "unlocked", at=f"dbtProjects[{index}]", file=name)
    _adapter(world, project, definition, parsed.get(PROFILES))
    found = definition.get("name")
    if isinstance(found, str) and found != project.name:
        world.found("dbt.name", "differs", at=f"dbtProjects[{index}].name", name=project.name, found=found)
    return found if isinstance(found, str) else None


def _adapter(world: World, project: DbtProject, definition: Mapping[str, Any], profiles: Any) -> None:
    """Compare the profile's types with what the image installs.

    A Dockerfile of the user's own may install anything, and without adapters dbt comes with the base image.
    """
    image = world.settings.image
    if image is None or image.dockerfile is not None or not image.adapters:
        return
    profile = definition.get("profile")
    if not isinstance(profiles, dict) or not isinstance(profiles.get(profile), dict):
        return
    installed = {_distribution(requirement) for requirement in image.adapters}
    outputs = profiles[profile].get("outputs")
    types = {
        output.get("type")
        for output in (outputs if isinstance(outputs, dict) else {}).values()
        if isinstance(output, dict)
    }
    for kind in sorted(item for item in types if isinstance(item, str) and "{{" not in item):
        if f"dbt-{kind.replace('_', '-')}" not in installed:
            facts = {"type": kind, "profile": profile, "project": project.name}
            world.found("dbt.adapter", "missing", at="image.adapters", **facts)


def _distribution(requirement: str) -> str:
    """Normalised name of the package that a requirement installs (PEP 503)."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""
