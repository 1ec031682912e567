"""The dbt projects that go into the image: local folders and repositories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from clients.git import Entry, GitError, PartialClone, Session, lfs_is_installed, ls_remote
from clients.source_tree import SourceTree
from domain.lfs import MOST, is_pointer
from domain.links import LinkError
from preflight.catalogue.dbt_checks import DBT_PROJECT
from preflight.catalogue.git_checks import GIT_NESTED
from preflight.connection import repository_access
from preflight.context import Context
from preflight.dbt_files import (
    READ,
    FollowedLinks,
    ProjectFiles,
    attributes_of,
    examine,
    files_of,
    lfs_findings,
    lfs_paths,
    link_finding,
    links_of,
)
from preflight.git_failures import Subject, failure
from preflight.package_probe import PackageUser, package_findings
from preflight.parallel import Task, gather
from preflight.report import Finding, Found, ProjectFacts, ProjectSource
from preflight.tracked import tracked_commit
from settings.dbt import DbtProject


def find(context: Context) -> Iterator[Found]:
    """The projects that go into the image: local folders and separate repositories."""
    tasks = []
    for index, project in enumerate(context.settings.dbt_projects):
        if project.source is not None:
            yield from _local(context, index, project, project.source)
        elif project.repo is not None:
            tasks.append(Task(project.name, partial(_repository, context, index, project, project.repo)))
    failures = []
    for outcome in gather(tasks, seconds=4 * context.timeout):
        yield from outcome.results
        failures += [outcome.error] if outcome.error else []
    for error in failures:
        raise error


def _local(context: Context, index: int, project: DbtProject, source: str) -> Iterator[Found]:
    at, where = f"dbtProjects[{index}].source", f"the folder {source}"
    folder = context.root / source
    content: dict[str, bytes] = {}
    pointers: list[str] = []
    try:
        if folder.is_dir():
            tree = SourceTree.around(folder)
            content = {name: data for name in READ if (data := tree.read(name)) is not None}
            pointers = [
                name
                for name, path in tree.files()
                if path.stat().st_size < MOST and is_pointer(path.read_bytes())
            ]
    except LinkError as error:
        yield link_finding(error, at)
        return
    except OSError as error:
        detail = f"{error.filename}: {(error.strerror or type(error).__name__).lower()}"
        yield DBT_PROJECT.unreadable(at, where=where, detail=detail)
        return
    yield from lfs_findings(pointers, at=at, remedy="run `git lfs pull` there")
    files = ProjectFiles(content)
    yield from examine(context, index, files, at=at, where=where)
    if content:
        yield from package_findings(context, PackageUser.on_disk(index, files, SourceTree.around(folder)))
    yield ProjectSource(project.name, ProjectFacts(None, None, None, files.name))


@dataclass(frozen=True)
class _Source:
    """A dbt project in its repository."""

    commit: str
    """The tracked commit."""
    links: FollowedLinks
    """Its symbolic links."""
    pointers: list[str]
    """Files in Git LFS."""
    submodules: list[str]
    """Paths of submodules in it."""
    files: ProjectFiles
    """What preflight reads."""
    entries: Mapping[str, Entry]
    """Everything in the commit by path."""


def _repository(context: Context, index: int, project: DbtProject, repo: str) -> Iterator[Found]:
    at = f"dbtProjects[{index}]"
    subject = Subject(repo, at=f"{at}.repo", connection=project.connection, connection_at=f"{at}.connection")
    try:
        access = repository_access(
            context.settings,
            project.connection,
            root=context.root,
            secrets=context.cluster.read_secret,
        )
        with Session(access, timeout=context.timeout) as session:
            source = _read(session, project, repo, at=at)
    except GitError as error:
        yield failure(context.settings, subject, error)
        return
    if isinstance(source, Finding):
        yield source
        return
    yield from source.links.findings(f"{at}.repo")
    folder = source.links.folder
    if folder is None:
        return
    if not lfs_is_installed():
        remedy = "install git-lfs where the image is built"
        yield from lfs_findings(source.pointers, at=f"{at}.repo", remedy=remedy)
    for path in source.submodules:
        yield GIT_NESTED.empty(f"{at}.repo", path=path)
    where = f"{folder or 'the root'} of {repo}"
    yield from examine(context, index, source.files, at=f"{at}.subdir", where=where)
    yield from package_findings(context, PackageUser.in_commit(index, source.files, folder, source.entries))
    yield ProjectSource(project.name, ProjectFacts(repo, source.commit, 0, source.files.name))


def _read(session: Session, project: DbtProject, repo: str, *, at: str) -> _Source | Finding:
    """The project at its tracked commit, or why there is none. Raises GitError."""
    refs = ls_remote(session, repo)
    clone = PartialClone(session, repo)
    commit = tracked_commit(clone, refs, project.ref, url=repo, at=f"{at}.ref")
    if isinstance(commit, Finding):
        return commit
    entries = {entry.path: entry for entry in clone.entries(commit)}
    small = clone.read([*links_of(entries), *attributes_of(entries)])
    links = FollowedLinks.of(entries, small, project.subdir or "")
    folder = links.folder
    if folder is None:
        return _Source(commit, links, [], [], ProjectFiles({}), entries)
    prefix = f"{folder}/" if folder else ""
    own = files_of(clone, entries, folder)
    content = clone.read(list(own.values()))
    return _Source(
        commit,
        links,
        lfs_paths(session, entries, small, folder),
        [path for path, entry in entries.items() if entry.kind == "submodule" and path.startswith(prefix)],
        ProjectFiles.of(own, content),
        entries,
    )
