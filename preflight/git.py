"""Looks at the Dag repository and the submodules in it, with what the agents will have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from clients.git import (
    Cause,
    Entry,
    GitError,
    PartialClone,
    Refs,
    Session,
    ls_remote,
)
from clients.git.links import follow
from delivery.git_access import dags_connection
from domain.address import AddressError, RepositoryAddress
from preflight import dbt_files
from preflight.agents_access import AgentsAccess, agents_access
from preflight.cluster import secret_reader
from preflight.explain import Subject, explain
from preflight.gitmodules import Modules, read_modules
from preflight.parallel import Task, together
from preflight.report import ProjectFacts
from preflight.submodules import Link, Lodger, Tour, tell_misspelt
from preflight.words import near
from preflight.world import World


@dataclass(frozen=True)
class Tree:
    """The Dag repository at the tracked commit."""

    ref: str
    """What is tracked."""
    commit: str
    """Its commit."""
    entries: Mapping[str, Entry]
    """Everything in it by path."""
    modules: Modules
    """Its .gitmodules."""
    files: Mapping[str, bytes]
    """Files that were read."""
    real: Mapping[str, str | None]
    """Paths of the stack -> the path without symbolic links; None when a link leads out of the repository."""

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


def look(world: World) -> None:
    """Look at the Dag repository and, when projects are delivered as submodules, at everything that hangs on it."""
    view = agents_access(world.settings, world.plan, secrets=secret_reader(world))
    if not _connection_is_whole(world, view):
        _look_at_hosts(world, view)
        return
    try:
        with Session(view.access, timeout=world.timeout) as session:
            tree = _dag_repository(world, session, view)
            links = _places(world, tree) if tree else []
    except GitError as error:
        explain(world, _dags(world), error)
        tree, links = None, []
    if tree is None:
        _look_at_hosts(world, view)
    elif world.plan.bundle.kwargs.get("submodules"):
        Tour(world, view).visit(links)


def _look_at_hosts(world: World, view: AgentsAccess) -> None:
    """Without the Dag repository nothing is known of its submodules; those that the stack names can still be asked."""
    if not world.plan.bundle.kwargs.get("submodules"):
        return
    subjects = [
        Subject(
            project.repo, f"dbtProjects[{index}].repo", project.connection, f"dbtProjects[{index}].connection"
        )
        for index, project in enumerate(world.settings.dbt_projects)
        if project.repo
        and project.connection
        and project.submodule
        and project.connection not in view.unknown
    ]
    together(
        (Task(subject.url, _asked(world, view, subject)) for subject in subjects), seconds=2 * world.timeout
    )


def _asked(world: World, view: AgentsAccess, subject: Subject) -> Callable[[], None]:
    def ask() -> None:
        try:
            with Session(view.access, timeout=world.timeout) as session:
                ls_remote(session, subject.url)
        except GitError as error:
            explain(world, subject, error)

    return ask


def _connection_is_whole(world: World, view: AgentsAccess) -> bool:
    settings = world.settings
    for name, detail in view.problems.items():
        secret = settings.connections[name].existing_secret
        at = f"connections.{name}.existingSecret"
        world.found("git.connection", "incomplete", at=at, secret=secret, detail=detail)
    connection = dags_connection(settings)
    if connection in view.unknown:
        at = f"connections.{connection}"
        detail = view.unknown[connection]
        world.found("git.connection", "unknown", at=at, detail=detail, url=settings.dags.repo)
        return False
    found = settings.connections.get(connection)
    existing = found.existing_secret if found else None
    if existing and found and found.type != "ssh" and not _same(view.dags_url, settings.dags.repo):
        at = f"connections.{connection}.existingSecret"
        world.found("git.connection", "other-repository", at=at, secret=existing, found=view.dags_url)
    return connection not in view.problems


def _same(one: str, other: str) -> bool:
    try:
        return RepositoryAddress.parse(one).same_repository(RepositoryAddress.parse(other))
    except AddressError:
        return one == other


def _dags(world: World) -> Subject:
    dags = world.settings.dags
    return Subject(dags.repo, at="dags.repo", connection=dags.connection, connection_at="dags.connection")


def _dag_repository(world: World, session: Session, view: AgentsAccess) -> Tree | None:
    dags = world.settings.dags
    refs = ls_remote(session, view.dags_url)
    clone = PartialClone(session, view.dags_url)
    commit = fetch_ref(world, clone, refs, dags.ref, url=dags.repo, at="dags.ref")
    if commit is None:
        return None
    entries = {entry.path: entry for entry in clone.entries(commit)}
    folders = [path for path, entry in entries.items() if entry.kind == "folder"]
    asked = {dags.subdir, *(project.path for project in world.settings.dbt_projects)}
    real = {path: follow(clone, entries, path) for path in asked if path}
    if dags.subdir and real[dags.subdir] not in folders:
        remedy = near(dags.subdir, folders, none="the folder that holds the Dags, or leave it out")
        world.found("git.subdir", "missing", at="dags.subdir", path=dags.subdir, ref=dags.ref, near=remedy)
    wanted = [entries[".gitmodules"]] if ".gitmodules" in entries else []
    for project in world.settings.dbt_projects:
        if world.plan.option == "git-submodule" and project.path is not None and not project.submodule:
            wanted += dbt_files.files_of(entries, real[project.path] or project.path)
    files = clone.read(wanted)
    try:
        modules = read_modules(session, files.get(".gitmodules", b""))
    except GitError as error:
        world.found("git.submodule", "invalid", at="dags.repo", url=dags.repo, detail=error)
        return None
    return Tree(dags.ref, commit, entries, modules, files, real)


def fetch_ref(world: World, clone: PartialClone, refs: Refs, ref: str, *, url: str, at: str) -> str | None:
    """Fetch a branch, tag or commit; None when it does not exist, which is noted."""
    remedy = near(
        ref,
        refs.names(),
        none="one that exists: the repository is empty, or its host answers with a sign-in page",
    )
    if refs.resolve(ref) is not None:
        branches = tuple(f"refs/heads/{name}" for name in refs.branches)
        try:
            return clone.fetch(refs.full_name(ref), branches=branches)
        except GitError as error:
            if error.cause is not Cause.MISSING_REF:
                raise
    world.found("git.ref", "missing", at=at, ref=ref, url=url, near=remedy)
    return None


def _places(world: World, tree: Tree) -> list[Link]:
    """Find every project's place in the Dag repository; the submodules that agents fetch."""
    lodgers: dict[str, list[Lodger]] = {}
    if world.plan.option == "git-submodule":
        lodgers = _lodgers(world, tree)
    if not world.plan.bundle.kwargs.get("submodules"):
        _stay_empty(world, tree)
        return []
    settings = world.settings
    links = []
    for path in tree.names("submodule"):
        inside = tuple(lodgers.get(path, ()))
        if path in tree.modules.urls:
            at = f"dbtProjects[{inside[0].index}].path" if inside else "dags.submodules"
            tell_misspelt(world, tree.modules, path, at=at, full=path)
            url, branch = tree.modules.urls[path], tree.modules.branches.get(path)
            commit = tree.entries[path].object_id
            links.append(Link(path, commit, url, settings.dags.repo, inside, branch=branch))
        elif not any(path == (project.path or "") for project in settings.dbt_projects):
            world.found("git.nested", "unregistered", at="dags.submodules", path=path)
    return links


def _stay_empty(world: World, tree: Tree) -> None:
    """Report submodules that agents do not fetch, apart from those of projects that the image brings."""
    projects = world.settings.dbt_projects
    brought = [tree.real.get(project.path or "") or "" for project in projects]
    for path in tree.names("submodule"):
        url = tree.modules.urls.get(path)
        named = any(project.repo and url and _same(url, project.repo) for project in projects)
        if not named and not any(f"{place}/".startswith(f"{path}/") for place in brought):
            world.found("git.nested", "unfetched", at="dags.submodules", path=path)


def _lodgers(world: World, tree: Tree) -> dict[str, list[Lodger]]:
    """Submodule -> the dbt projects in it; what is wrong with a project's place is noted."""
    lodgers: dict[str, list[Lodger]] = {}
    for index, project in enumerate(world.settings.dbt_projects):
        if project.path is None:
            continue
        path = tree.real[project.path]
        if path is None:
            world.found("git.submodule", "link", at=f"dbtProjects[{index}].path", path=project.path)
            continue
        holder = tree.holder(path)
        if not project.submodule:
            _ordinary_folder(world, tree, index, path, holder)
        elif holder is None:
            _no_submodule(world, tree, index, path)
        elif holder.path not in tree.modules.urls:
            world.found("git.submodule", "unregistered", at=f"dbtProjects[{index}].path", path=holder.path)
        else:
            inside = path.removeprefix(holder.path).strip("/")
            lodgers.setdefault(holder.path, []).append(Lodger(index, project, inside))
    return lodgers


def _ordinary_folder(world: World, tree: Tree, index: int, path: str, holder: Entry | None) -> None:
    if holder is not None:
        world.found("git.submodule", "is-submodule", at=f"dbtProjects[{index}].submodule", path=path)
        return
    at = f"dbtProjects[{index}].path"
    if path not in tree.names("folder"):
        remedy = near(path, tree.names("folder"), none="the folder of the dbt project")
        world.found("git.submodule", "no-folder", at=at, path=path, ref=tree.ref, near=remedy)
        return
    project = world.settings.dbt_projects[index]
    entries = {entry.path: tree.files[entry.path] for entry in dbt_files.files_of(tree.entries, path)}
    files = {name.removeprefix(f"{path}/"): content for name, content in entries.items()}
    name = dbt_files.examine(world, index, files, at=at, where=f"{path} of the Dag repository")
    world.projects[project.name] = ProjectFacts(world.settings.dags.repo, tree.commit, 0, name)


def _no_submodule(world: World, tree: Tree, index: int, path: str) -> None:
    at = f"dbtProjects[{index}].path"
    entry = tree.entries.get(path)
    if path in tree.modules.urls:
        url = tree.modules.urls[path]
        world.found("git.submodule", "uncommitted", at=at, path=path, url=url)
    elif entry is not None and entry.kind == "folder":
        world.found("git.submodule", "folder", at=at, path=path)
    else:
        known = tree.names("submodule")
        url = world.settings.dbt_projects[index].repo or "<url>"
        add = f"add it with `git submodule add {url} {path}` and commit"
        remedy = f"write {near(path, known, none='')}, or {add}" if known else add
        world.found("git.submodule", "missing", at=at, path=path, ref=tree.ref, remedy=remedy)
