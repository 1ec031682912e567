"""The Dag repositories and the submodules in them, read with what the agents will have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from clients.git import (
    Cause,
    Entry,
    GitError,
    PartialClone,
    Session,
    ls_remote,
)
from clients.git.links import follow
from domain.address import AddressError, RepositoryAddress
from domain.suggestions import near
from preflight import dbt_files, git_disk
from preflight.agents_access import AgentsAccess, agents_access
from preflight.catalogue.git_checks import GIT_CONNECTION, GIT_NESTED, GIT_SUBMODULE
from preflight.context import Context
from preflight.git_failures import Subject, failure, unknown_credentials
from preflight.gitmodules import Modules, entry_findings, read_modules
from preflight.package_probe import PackageUser, package_findings
from preflight.parallel import Task, gather
from preflight.report import BundleFacts, Finding, Found, ProjectFacts, ProjectSource
from preflight.subdir import subdir_findings
from preflight.submodule_walk import HostedProject, PinnedSubmodule, SubmoduleWalk
from preflight.tracked import tracked_commit
from settings.dags import ANONYMOUS, GitBundle
from settings.dbt import DbtProject
from settings.stack import Settings

MOST_STEPS = 4.8
"""Time limits that one bundle may take; a little less than all probes together."""


@dataclass(frozen=True)
class Tree:
    """A Dag repository at the tracked commit."""

    bundle: GitBundle
    """The bundle that it belongs to."""
    commit: str
    """Its commit."""
    entries: Mapping[str, Entry]
    """Everything in it by path."""
    modules: Modules
    """Its .gitmodules."""
    files: Mapping[str, bytes]
    """Files that were read."""
    stored: int
    """Bytes of its commit and folders in Git's own form."""
    real: Mapping[str, str | None]
    """Paths of the stack -> the path without symbolic links; None when a link leads out of the repository."""
    projects: Mapping[int, DbtProject]
    """dbt projects that are in it, by their position in dbtProjects."""
    plain: Mapping[int, Mapping[str, Entry]]
    """What preflight reads of those that are ordinary folders, by position and name."""

    def names(self, kind: str) -> list[str]:
        """Paths of all entries of one kind."""
        return [path for path, entry in self.entries.items() if entry.kind == kind]

    def holder(self, path: str) -> Entry | None:
        """The submodule at ``path`` or above it."""
        parts = path.split("/")
        for length in range(len(parts), 0, -1):
            entry = self.entries.get("/".join(parts[:length]))
            if entry is not None and entry.kind == "submodule":
                return entry
        return None


def find(context: Context) -> Iterator[Found]:
    """The Dag repositories and, when projects are delivered as submodules, everything that they pull in."""
    bundles = context.settings.fetched_bundles
    tasks = [Task(bundle.name, partial(_bundle, context, bundle)) for bundle in bundles]
    outcomes = gather(tasks, seconds=MOST_STEPS * context.timeout)
    for bundle, outcome in zip(bundles, outcomes, strict=True):
        yield from outcome.results
        if not outcome.finished:
            yield failure(context.settings, _subject(bundle), GitError(Cause.TIMEOUT, "no answer"))
    read = [item for outcome in outcomes for item in outcome.results if isinstance(item, BundleFacts)]
    yield from git_disk.find(context.settings, read)
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error


def _bundle(context: Context, bundle: GitBundle) -> Iterator[Found]:
    settings, plan = context.settings, context.plan
    view = agents_access(settings, plan, bundle, secrets=context.cluster.read_secret)
    yield from _connection(settings, bundle, view)
    connection = bundle.connection or ANONYMOUS
    tree: Tree | None = None
    if connection not in view.unknown and connection not in view.problems:
        try:
            with Session(view.access, timeout=context.timeout) as session:
                read = _dag_repository(context, bundle, session, view)
        except GitError as error:
            read = [failure(settings, _subject(bundle), error)]
        if isinstance(read, list):
            yield from read
        else:
            tree = read
    fetches_submodules = settings.fetches_submodules(bundle)
    if tree is None:
        if fetches_submodules:
            yield from _named_hosts(context, bundle, view)
        return
    yield from _subdir(bundle, tree.entries, tree.real)
    files = git_disk.checked_out(bundle, tree.names("file"))
    yield BundleFacts(bundle.name, tree.commit, files=len(files), stored=tree.stored)
    hosted: dict[str, list[HostedProject]] = {}
    if plan.option == "git-submodule":
        hosted = _hosted(tree)
        for index in tree.projects:
            yield from _place(context, tree, index)
    if fetches_submodules:
        yield from _entries(tree, hosted)
        yield from SubmoduleWalk(context, bundle, view).walk(_registered(tree, hosted))
    else:
        yield from _stay_empty(settings, tree)


def _connection(settings: Settings, bundle: GitBundle, view: AgentsAccess) -> Iterator[Finding]:
    """What can be said about connections before any host is asked."""
    for name, detail in view.problems.items():
        secret = settings.connections[name].existing_secret or name
        yield GIT_CONNECTION.incomplete(f"connections.{name}.existingSecret", secret=secret, detail=detail)
    connection = bundle.connection
    if connection and connection in view.unknown:
        detail = view.unknown[connection]
        yield unknown_credentials(connection, f"{bundle.at}.connection", url=bundle.repo, detail=detail)
        return
    found = settings.connections.get(connection or "")
    existing = found.existing_secret if found else None
    if existing and found and found.type != "ssh" and not _same(view.dags_url, bundle.repo):
        at = f"connections.{connection}.existingSecret"
        yield GIT_CONNECTION.other_repository(at, secret=existing, found=view.dags_url, bundle=bundle.at)


def _named_hosts(context: Context, bundle: GitBundle, view: AgentsAccess) -> Iterator[Found]:
    """Without the Dag repository its submodules are not known; those that the stack names can still be asked for."""
    subjects = [
        Subject(
            project.repo, f"dbtProjects[{index}].repo", project.connection, f"dbtProjects[{index}].connection"
        )
        for index, project in enumerate(context.settings.dbt_projects)
        if project.repo
        and project.connection
        and project.submodule
        and context.settings.bundle_of(project) == bundle
        and project.connection not in view.unknown
    ]
    tasks = [Task(subject.url, partial(_host, context, view, subject)) for subject in subjects]
    for outcome in gather(tasks, seconds=2 * context.timeout):
        yield from outcome.results


def _host(context: Context, view: AgentsAccess, subject: Subject) -> Iterator[Found]:
    try:
        with Session(view.access, timeout=context.timeout) as session:
            ls_remote(session, subject.url)
    except GitError as error:
        yield failure(context.settings, subject, error)


def _same(one: str, other: str) -> bool:
    try:
        return RepositoryAddress.parse(one).same_repository(RepositoryAddress.parse(other))
    except AddressError:
        return one == other


def _subject(bundle: GitBundle) -> Subject:
    return Subject(
        bundle.repo,
        at=f"{bundle.at}.repo",
        connection=bundle.connection,
        connection_at=f"{bundle.at}.connection",
    )


def _dag_repository(
    context: Context, bundle: GitBundle, session: Session, view: AgentsAccess
) -> Tree | list[Finding]:
    """The Dag repository, or why its content cannot be judged. Raises GitError."""
    settings = context.settings
    projects = {
        index: project
        for index, project in enumerate(settings.dbt_projects)
        if settings.bundle_of(project) == bundle
    }
    refs = ls_remote(session, view.dags_url)
    clone = PartialClone(session, view.dags_url)
    commit = tracked_commit(clone, refs, bundle.ref, url=bundle.repo, at=f"{bundle.at}.ref")
    if isinstance(commit, Finding):
        return [commit]
    entries = {entry.path: entry for entry in clone.entries(commit)}
    asked = {bundle.subdir, *(project.path for project in projects.values())}
    real = {path: follow(clone, entries, path) for path in asked if path}
    wanted = [entries[".gitmodules"]] if ".gitmodules" in entries else []
    plain = {}
    for index, project in projects.items():
        if context.plan.option == "git-submodule" and project.path is not None and not project.submodule:
            plain[index] = dbt_files.files_of(clone, entries, real[project.path] or project.path)
            wanted += plain[index].values()
    files = clone.read(wanted)
    facts = (bundle, commit, entries)
    stored = clone.stored()
    try:
        modules = read_modules(session, files.get(".gitmodules", b""))
    except GitError as error:
        if not settings.fetches_submodules(bundle):
            return Tree(*facts, Modules({}), files, stored, real, projects, plain)
        invalid = GIT_SUBMODULE.invalid(f"{bundle.at}.repo", url=bundle.repo, detail=str(error))
        return [*_subdir(bundle, entries, real), invalid]
    return Tree(*facts, modules, files, stored, real, projects, plain)


def _subdir(
    bundle: GitBundle, entries: Mapping[str, Entry], real: Mapping[str, str | None]
) -> Iterator[Finding]:
    if bundle.subdir:
        folders = [path for path, entry in entries.items() if entry.kind == "folder"]
        yield from subdir_findings(bundle, folders, real[bundle.subdir])


def _hosted(tree: Tree) -> dict[str, list[HostedProject]]:
    """Registered submodule -> the dbt projects in it."""
    hosted: dict[str, list[HostedProject]] = {}
    for index, project in tree.projects.items():
        path = tree.real[project.path] if project.path is not None else None
        holder = tree.holder(path) if path is not None else None
        if path is not None and holder is not None and project.submodule:
            inside = path.removeprefix(holder.path).strip("/")
            hosted.setdefault(holder.path, []).append(HostedProject(index, project, inside))
    return hosted


def _place(context: Context, tree: Tree, index: int) -> Iterator[Found]:
    """What is wrong with a project's place in the Dag repository; the project itself, when that is an ordinary folder."""
    project = context.settings.dbt_projects[index]
    if project.path is None:
        return
    at, path = f"dbtProjects[{index}].path", tree.real[project.path]
    if path is None:
        yield GIT_SUBMODULE.link(at, path=project.path)
        return
    holder = tree.holder(path)
    if not project.submodule:
        yield from _ordinary_folder(context, tree, index, path, holder)
    elif holder is None:
        yield _no_submodule(context.settings, tree, index, path)
    elif holder.path not in (*tree.modules.urls, *tree.modules.ignored):
        yield GIT_SUBMODULE.unregistered(at, path=holder.path)


def _ordinary_folder(
    context: Context, tree: Tree, index: int, path: str, holder: Entry | None
) -> Iterator[Found]:
    at, project = f"dbtProjects[{index}].path", tree.projects[index]
    if holder is not None:
        yield GIT_SUBMODULE.is_submodule(f"dbtProjects[{index}].submodule", path=path)
        return
    if path not in tree.names("folder"):
        written, ref = str(project.path), tree.bundle.ref
        if path != written and written in tree.entries:
            yield GIT_SUBMODULE.link_to_nothing(at, path=written, target=path, ref=ref)
            return
        remedy = near(written, tree.names("folder"), none="the folder of the dbt project")
        yield GIT_SUBMODULE.no_folder(at, path=written, ref=ref, near=remedy)
        return
    files = dbt_files.ProjectFiles.of(tree.plain[index], tree.files)
    yield from dbt_files.examine(context, index, files, at=at, where=f"{path} of the Dag repository")
    yield from package_findings(context, PackageUser.in_commit(index, files, path, tree.entries))
    yield ProjectSource(project.name, ProjectFacts(tree.bundle.repo, tree.commit, 0, files.name))


def _no_submodule(settings: Settings, tree: Tree, index: int, path: str) -> Finding:
    at = f"dbtProjects[{index}].path"
    entry = tree.entries.get(path)
    if path in tree.modules.urls:
        return GIT_SUBMODULE.uncommitted(at, path=path, url=tree.modules.urls[path])
    if entry is not None and entry.kind == "folder":
        return GIT_SUBMODULE.folder(at, path=path)
    known = tree.names("submodule")
    url = settings.dbt_projects[index].repo or "<url>"
    add = f"add it with `git submodule add {url} {path}` and commit"
    remedy = f"write {near(path, known, none='')}, or {add}" if known else add
    return GIT_SUBMODULE.missing(at, path=path, ref=tree.bundle.ref, remedy=remedy)


def _registered(tree: Tree, hosted: Mapping[str, Sequence[HostedProject]]) -> list[PinnedSubmodule]:
    """The submodules that agents fetch."""
    return [
        PinnedSubmodule(
            path,
            tree.entries[path].object_id,
            tree.modules.urls[path],
            tree.bundle.repo,
            tuple(hosted.get(path, ())),
            bundle_at=tree.bundle.at,
            branch=tree.modules.branches.get(path),
        )
        for path in tree.names("submodule")
        if path in tree.modules.urls
    ]


def _entries(tree: Tree, hosted: Mapping[str, Sequence[HostedProject]]) -> Iterator[Finding]:
    """What is wrong with the entries of .gitmodules, addresses apart."""
    for path in tree.names("submodule"):
        inside = hosted.get(path)
        at = f"dbtProjects[{inside[0].index}].path" if inside else f"{tree.bundle.at}.submodules"
        if path in tree.modules.urls:
            yield from entry_findings(tree.modules, path, at=at, full=path)
        elif path in tree.modules.ignored:
            yield GIT_SUBMODULE.ignored(at, path=path, reason=tree.modules.ignored[path])
        elif not any(path == (project.path or "") for project in tree.projects.values()):
            yield GIT_NESTED.unregistered(f"{tree.bundle.at}.submodules", path=path)


def _stay_empty(settings: Settings, tree: Tree) -> Iterator[Finding]:
    """Submodules that agents do not fetch, apart from those of projects that the image contains."""
    projects = settings.dbt_projects
    built_in = [tree.real.get(project.path or "") or "" for project in projects]
    for path in tree.names("submodule"):
        url = tree.modules.urls.get(path)
        named = any(project.repo and url and _same(url, project.repo) for project in projects)
        if not named and not any(f"{place}/".startswith(f"{path}/") for place in built_in):
            yield GIT_NESTED.unfetched(f"{tree.bundle.at}.submodules", path=path)
