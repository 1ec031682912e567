"""Checks of the dbt projects that go into the image: local folders and repositories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clients.git import GitError, PartialClone, Session, lfs_is_installed, ls_remote
from clients.source_tree import SourceTree
from domain.lfs import MOST, is_pointer
from domain.links import LinkError
from preflight.catalogue.dbt_checks import DBT_PROJECT
from preflight.cluster import secret_reader
from preflight.connection import repository_access
from preflight.dbt_files import (
    READ,
    attributes_of,
    examine,
    examine_lfs,
    examine_links,
    files_of,
    links_of,
    report_lfs,
)
from preflight.explain import Subject, explain
from preflight.git import fetch_ref
from preflight.parallel import Task, together
from preflight.report import ProjectFacts
from preflight.world import World
from settings.dbt import DbtProject


def look(world: World) -> None:
    """Look at the projects that go into the image: local folders and separate repositories."""
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
    at = f"dbtProjects[{index}].source"
    files = {}
    try:
        if folder.is_dir():
            tree = SourceTree.around(folder)
            files = {name: content for name in READ if (content := tree.read(name)) is not None}
            pointers = [
                name
                for name, path in tree.files()
                if path.stat().st_size < MOST and is_pointer(path.read_bytes())
            ]
            report_lfs(world, pointers, at=at, remedy="run `git lfs pull` there")
    except LinkError as error:
        world.found("dbt.links", "outside", at=at, path=error.path, reason=error.reason)
        return
    except OSError as error:
        detail = f"{error.filename}: {(error.strerror or type(error).__name__).lower()}"
        world.report(DBT_PROJECT.unreadable(at, where=f"the folder {project.source}", detail=detail))
        return
    name = examine(
        world, index, files, at=f"dbtProjects[{index}].source", where=f"the folder {project.source}"
    )
    world.projects[project.name] = ProjectFacts(None, None, None, name)


def _repository(world: World, index: int, project: DbtProject, repo: str) -> None:
    at = f"dbtProjects[{index}]"
    subject = Subject(repo, at=f"{at}.repo", connection=project.connection, connection_at=f"{at}.connection")
    try:
        access = repository_access(
            world.settings, project.connection, root=world.root, secrets=secret_reader(world)
        )
        with Session(access, timeout=world.timeout) as session:
            refs = ls_remote(session, repo)
            clone = PartialClone(session, repo)
            commit = fetch_ref(world, clone, refs, project.ref, url=repo, at=f"{at}.ref")
            if commit is None:
                return
            entries = {entry.path: entry for entry in clone.entries(commit)}
            links = clone.read([*links_of(entries), *attributes_of(entries)])
            folder = examine_links(world, entries, links, project.subdir or "", at=f"{at}.repo")
            if folder is None:
                return
            content = clone.read(files_of(entries, folder))
    except GitError as error:
        explain(world, subject, error)
        return
    if not lfs_is_installed():
        remedy = "install git-lfs where the image is built"
        examine_lfs(world, entries, links, folder, at=f"{at}.repo", remedy=remedy)
    prefix = f"{folder}/" if folder else ""
    for path, entry in entries.items():
        if entry.kind == "submodule" and path.startswith(prefix):
            world.found("git.nested", "empty", at=f"{at}.repo", path=path)
    files = {path.removeprefix(prefix): data for path, data in content.items()}
    where = f"{folder or 'the root'} of {repo}"
    name = examine(world, index, files, at=f"{at}.subdir", where=where)
    world.projects[project.name] = ProjectFacts(repo, commit, 0, name)
