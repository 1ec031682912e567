"""Looks at dbt projects: their files, wherever they come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from clients.git import Access, Entry, GitError, PartialClone, Session, ls_remote
from preflight.report import ProjectFacts
from preflight.world import World
from settings.dbt import DbtProject

PROJECT, PROFILES, LOCK = "dbt_project.yml", "profiles.yml", "package-lock.yml"
_READ = (PROJECT, PROFILES, LOCK, "packages.yml", "dependencies.yml")


def files_of(entries: Mapping[str, Entry], folder: str) -> list[Entry]:
    """The files of a dbt project in ``folder`` that a look reads."""
    prefix = f"{folder}/" if folder else ""
    found = (entries.get(prefix + name) for name in _READ)
    return [entry for entry in found if entry is not None and entry.kind == "file"]


def look(world: World) -> None:
    """Look at the projects that go into the image: local folders and repositories of their own."""
    from preflight.parallel import Task, together

    tasks = []
    for index, project in enumerate(world.settings.dbt_projects):
        if project.source is not None:
            _local(world, index, project, world.root / project.source)
        elif project.repo is not None:
            tasks.append(Task(project.name, _bound(world, index, project, project.repo)))
    for task in together(tasks, seconds=4 * world.timeout):
        if task.error is not None:
            raise task.error


def _bound(world: World, index: int, project: DbtProject, repo: str) -> Any:
    return lambda: _repository(world, index, project, repo)


def _local(world: World, index: int, project: DbtProject, folder: Path) -> None:
    files = {name: (folder / name).read_bytes() for name in _READ if (folder / name).is_file()}
    name = examine(
        world, index, files, at=f"dbtProjects[{index}].source", where=f"the folder {project.source}"
    )
    world.projects[project.name] = ProjectFacts(None, None, None, name)


def _repository(world: World, index: int, project: DbtProject, repo: str) -> None:
    from preflight.cluster import secret_reader
    from preflight.explain import Subject, explain
    from preflight.git import fetch_ref

    at = f"dbtProjects[{index}]"
    subject = Subject(repo, at=f"{at}.repo", connection=project.connection, connection_at=f"{at}.connection")
    try:
        access = Access.of(world.settings, project.connection, root=world.root, secrets=secret_reader(world))
        with Session(access, timeout=world.timeout) as session:
            refs = ls_remote(session, repo)
            clone = PartialClone(session, repo)
            commit = fetch_ref(world, clone, refs, project.ref, url=repo, at=f"{at}.ref")
            if commit is None:
                return
            entries = {entry.path: entry for entry in clone.entries(commit)}
            folder = project.subdir or ""
            content = clone.read(files_of(entries, folder))
    except GitError as error:
        explain(world, subject, error)
        return
    prefix = f"{folder}/" if folder else ""
    for path, entry in entries.items():
        if entry.kind == "submodule" and path.startswith(prefix):
            world.found("git.nested", "empty", at=f"{at}.repo", path=path)
    files = {path.removeprefix(prefix): data for path, data in content.items()}
    where = f"{folder or 'the root'} of {repo}"
    name = examine(world, index, files, at=f"{at}.subdir", where=where)
    world.projects[project.name] = ProjectFacts(repo, commit, 0, name)


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
    if (
        world.plan.option != "agent-image"
        or image is None
        or image.dockerfile is not None
        or not image.adapters
    ):
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
