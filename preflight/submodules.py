"""Looks at submodules, nested ones included, with the credentials that the agents will have.

Agents fetch every submodule of the Dag repository (`git submodule update --init --recursive`): one that fails stops all
Dags, also when no dbt project lies in it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from clients.git import Cause, GitError, PartialClone, Refs, Session, ls_remote
from clients.git.refs import default_branch
from delivery.git_access import spellings_of
from domain.address import AddressError, RepositoryAddress, is_relative, redacted, resolved
from preflight import dbt_files, gitmodules
from preflight.agents_access import AgentsAccess
from preflight.explain import Subject, explain
from preflight.parallel import Task, together
from preflight.report import ProjectFacts
from preflight.words import near
from preflight.world import World
from settings.dags import Submodule
from settings.dbt import DbtProject

HISTORY = 250
"""Commits of history that are followed to count how far a pin is behind."""
MOST_REPOSITORIES = 20
"""Submodules that are looked at in one run."""
DEEPEST = 3
"""Levels of nested submodules that are looked at."""


@dataclass(frozen=True)
class Lodger:
    """A dbt project that lies in a submodule."""

    index: int
    """Position in dbtProjects."""
    project: DbtProject
    """The project."""
    inside: str
    """Its folder inside the submodule; empty for the root."""


@dataclass(frozen=True)
class Link:
    """A submodule: a place, a pinned commit and an address."""

    path: str
    """Path from the root of the Dag repository."""
    commit: str
    """Pinned commit."""
    url: str
    """Address as .gitmodules writes it."""
    parent: str
    """Address of the repository around it."""
    lodgers: tuple[Lodger, ...] = ()
    """dbt projects in it."""
    depth: int = 1
    """1 for a submodule of the Dag repository itself."""
    branch: str | None = None
    """Branch that .gitmodules names."""


class Tour:
    """Visits submodules side by side, and those that lie in them."""

    def __init__(self, world: World, view: AgentsAccess) -> None:
        self._world = world
        self._view = view
        self._visited = 0
        self._lock = threading.Lock()

    def visit(self, links: list[Link]) -> None:
        """Look at submodules and what hangs on them; returns when all are done or out of time."""
        allowed = [link for link in links if self._may_visit(link)]
        tasks = [Task(link.path, _bound(self, link)) for link in allowed]
        for link, task in zip(allowed, together(tasks, seconds=4 * self._world.timeout), strict=True):
            if task.error is not None:
                raise task.error
            if not task.finished:
                explain(self._world, self._subject(link), GitError(Cause.TIMEOUT, "no answer"))

    def _may_visit(self, link: Link) -> bool:
        with self._lock:
            self._visited += 1
            if self._visited <= MOST_REPOSITORIES and link.depth <= DEEPEST:
                return True
        limit = MOST_REPOSITORIES if link.depth <= DEEPEST else DEEPEST
        self._world.found("git.nested", "unverified", at="dags.submodules", path=link.path, limit=limit)
        return False

    def look(self, link: Link) -> None:
        """Look at one submodule."""
        world = self._world
        if not self._address_works(link):
            return
        connection = self._connection(link)
        if connection is not None and connection in self._view.unknown:
            detail = self._view.unknown[connection]
            at = f"connections.{connection}"
            world.found("git.connection", "unknown", at=at, detail=detail, url=link.url)
            return
        if connection is not None and connection in self._view.problems:
            return
        nested: list[Link] = []
        try:
            shared = self._is_shared(link, connection)
            access = self._view.access if connection or shared else self._view.access.without_logins()
            with Session(access, timeout=world.timeout) as session:
                refs = ls_remote(session, link.url)
                clone = PartialClone(session, link.url)
                if self._pin_is_there(link, clone, refs):
                    nested = self._inside(link, session, clone, refs)
        except GitError as error:
            self._explain(link, error)
            return
        if shared:
            self._tell_shared(link)
        self.visit(nested)

    def _is_shared(self, link: Link, connection: str | None) -> bool:
        """Whether only the Dag repository's own connection opens a submodule that has none."""
        hosts = {login.authority for login in self._view.access.logins}
        hosts |= {app.authority for app in self._view.access.apps}
        address = RepositoryAddress.parse(link.url)
        if connection is not None or address.scheme != "https" or address.authority not in hosts:
            return False
        try:
            with Session(self._view.access.without_logins(), timeout=self._world.timeout) as session:
                ls_remote(session, link.url)
        except GitError as error:
            if error.cause in {Cause.UNAUTHORISED, Cause.NOT_FOUND}:
                return True
            raise
        return False

    def _tell_shared(self, link: Link) -> None:
        connection = self._world.settings.dags.connection
        at = _at(link, "connection") if link.lodgers else "dags.submodules"
        self._world.found("git.auth", "shared", at=at, url=link.url, connection=connection)

    def _connection(self, link: Link) -> str | None:
        """The connection that the stack names for this repository."""
        settings = self._world.settings
        if link.url == settings.dags.repo:
            return settings.dags.connection
        items: tuple[DbtProject | Submodule, ...] = (*settings.dbt_projects, *settings.dags.submodules)
        for item in items:
            if item.repo and item.connection and opens(item.repo, item.spellings, link.url):
                return item.connection
        return None

    def _address_works(self, link: Link) -> bool:
        world, at = self._world, _at(link, "path")
        shown = redacted(link.url)
        if link.depth == 1 and is_relative(link.url):
            try:
                meant = resolved(link.url, link.parent)
            except AddressError as error:
                world.found("git.submodule-url", "unreadable", at=at, path=link.path, detail=error)
                return False
            world.found("git.submodule-url", "relative", at=at, url=link.url, absolute=meant)
            return False
        if link.url.startswith(("/", "file:")):
            world.found("git.submodule-url", "scheme", at=at, url=shown)
            return False
        try:
            address = RepositoryAddress.parse(link.url)
        except AddressError as error:
            world.found("git.submodule-url", "unreadable", at=at, path=link.path, detail=error)
            return False
        if address.carries_credentials:
            world.found("git.submodule-url", "credentials", at=at, url=shown)
            return False
        if address.scheme == "http":
            world.found("git.submodule-url", "insecure", at=at, url=shown)
        for lodger in link.lodgers:
            repo = lodger.project.repo
            if repo and lodger.project.connection and not opens(repo, lodger.project.spellings, link.url):
                where = f"dbtProjects[{lodger.index}].repo"
                world.found("git.submodule-url", "differs", at=where, repo=repo, url=shown)
        return True

    def _pin_is_there(self, link: Link, clone: PartialClone, refs: Refs) -> bool:
        at = _at(link, "path")
        facts = {"commit": link.commit[:12], "url": link.url}
        branches = tuple(f"refs/heads/{name}" for name in refs.branches)
        branches += tuple(f"refs/tags/{name}" for name in refs.tags)
        try:
            clone.fetch(link.commit, branches=branches)
        except GitError as error:
            if error.cause is Cause.MISSING_REF:
                self._world.found("git.pin", "missing", at=at, **facts)
            elif error.cause in {Cause.UNADVERTISED, Cause.TIMEOUT}:
                self._world.found("git.pin", "unverified", at=at, detail=error, **facts)
            else:
                raise
            return False
        return True

    def _inside(self, link: Link, session: Session, clone: PartialClone, refs: Refs) -> list[Link]:
        entries = {entry.path: entry for entry in clone.entries(link.commit)}
        wanted = {
            entry.path: entry
            for lodger in link.lodgers
            for entry in dbt_files.files_of(entries, lodger.inside)
        }
        if ".gitmodules" in entries:
            wanted[".gitmodules"] = entries[".gitmodules"]
        if link.lodgers:
            wanted |= {entry.path: entry for entry in dbt_files.attributes_of(entries)}
        files = clone.read(list(wanted.values()))
        for lodger in link.lodgers:
            prefix = f"{lodger.inside}/" if lodger.inside else ""
            own = {
                path.removeprefix(prefix): files[path]
                for path in (entry.path for entry in dbt_files.files_of(entries, lodger.inside))
            }
            where = f"{lodger.inside or 'the root'} of {link.url}"
            at = f"dbtProjects[{lodger.index}].path"
            name = dbt_files.examine(self._world, lodger.index, own, at=at, where=where)
            remedy = "deliver the project with agent-image"
            dbt_files.examine_lfs(self._world, entries, files, lodger.inside, at=at, remedy=remedy)
            behind = self._lag(link, lodger, session, clone, refs)
            self._world.projects[lodger.project.name] = ProjectFacts(link.url, link.commit, behind, name)
        try:
            modules = gitmodules.read_modules(session, files.get(".gitmodules", b""))
        except GitError as error:
            self._world.found("git.submodule", "invalid", at=_at(link, "path"), url=link.url, detail=error)
            return []
        nested = []
        for path, entry in entries.items():
            if entry.kind != "submodule":
                continue
            full = f"{link.path}/{path}"
            if path in modules.urls:
                tell_misspelt(self._world, modules, path, at="dags.submodules", full=full)
                try:
                    # A nested relative address Git resolves against the remote of the submodule around it.
                    url = resolved(modules.urls[path], link.url)
                except AddressError:
                    url = modules.urls[path]
                nested.append(Link(full, entry.object_id, url, link.url, (), link.depth + 1))
            else:
                self._world.found("git.nested", "unregistered", at="dags.submodules", path=full)
        return nested

    def _followed(self, link: Link, lodger: Lodger, session: Session, refs: Refs) -> str:
        """The stack's `ref`, else the branch of .gitmodules (gitmodules(5)), else the branch of the remote's HEAD."""
        if "ref" in lodger.project.model_fields_set:
            return lodger.project.ref
        if link.branch:
            return self._world.settings.dags.ref if link.branch == "." else link.branch
        return default_branch(session, link.url, refs) or lodger.project.ref

    def _lag(
        self, link: Link, lodger: Lodger, session: Session, clone: PartialClone, refs: Refs
    ) -> int | str | None:
        """Commits behind the branch that the project follows, reported and returned."""
        world = self._world
        if not world.levels.looks("git.lag"):
            return None
        at = f"dbtProjects[{lodger.index}].path"
        ref = self._followed(link, lodger, session, refs)
        tip = refs.resolve(ref)
        if tip is None:
            remedy = near(ref, refs.names(), none="a branch that exists")
            world.found(
                "git.lag", "no-ref", at=f"dbtProjects[{lodger.index}].ref", ref=ref, url=link.url, near=remedy
            )
            return None
        if tip == link.commit:
            return 0
        try:
            lag = clone.lag(link.commit, refs.full_name(ref), limit=HISTORY)
            holder = clone.holder(link.commit, refs, limit=HISTORY) if lag and lag.diverged else None
        except GitError as error:
            world.found("git.lag", "unknown", at=at, detail=error)
            return None
        if lag is None:
            world.found("git.lag", "unknown", at=at, detail="the host cannot send history without files")
            return None
        if holder is not None:
            commit = link.commit[:12]
            if holder.ref:
                name = holder.ref.split("/", 2)[2]
                world.found("git.lag", "elsewhere", at=at, commit=commit, ref=ref, holder=name)
            elif holder.unknown:
                world.found("git.lag", "unknown", at=at, detail=f"it is not part of {ref}")
            else:
                world.found("git.lag", "diverged", at=at, commit=commit, ref=ref)
            return None
        behind = f"more than {lag.commits}" if lag.more else lag.commits
        if lag.commits:
            count = f"{behind} commit" + ("" if behind == 1 else "s")
            world.found("git.lag", "behind", at=at, count=count, ref=ref, path=link.path)
        return behind

    def _subject(self, link: Link) -> Subject:
        at = _at(link, "repo") if self._has_repo(link) else _at(link, "path")
        return Subject(
            link.url, at=at, connection=self._connection(link), connection_at=_at(link, "connection")
        )

    @staticmethod
    def _has_repo(link: Link) -> bool:
        return any(lodger.project.repo for lodger in link.lodgers)

    def _explain(self, link: Link, error: GitError) -> None:
        if link.lodgers:
            explain(self._world, self._subject(link), error)
            return
        connection = self._connection(link)
        if error.cause is Cause.UNAUTHORISED and connection is None:
            detail = f"{link.url} is private and no connection opens it"
        else:
            detail = f"{link.url} ({error.cause}: {error})"
        self._world.found("git.nested", "failing", at="dags.submodules", path=link.path, detail=detail)


def _bound(tour: Tour, link: Link) -> Callable[[], None]:
    return lambda: tour.look(link)


def _at(link: Link, field: str) -> str:
    return f"dbtProjects[{link.lodgers[0].index}].{field}" if link.lodgers else "dags.submodules"


def opens(repo: str, further: tuple[str, ...], url: str) -> bool:
    """Whether agents open ``url`` with the connection of ``repo``, which has ``further`` spellings.

    A header goes by host and path, so that all https spellings do; what Git rewrites it compares letter by letter.
    """
    try:
        ours, theirs = RepositoryAddress.parse(repo), RepositoryAddress.parse(url)
    except AddressError:
        return False
    if ours.scheme == theirs.scheme == "https" and url not in further and ours.authority == theirs.authority:
        return ours.same_repository(theirs)
    return any(url == text or url.rstrip("/") == text for text in spellings_of(repo, further))


def tell_misspelt(world: World, modules: gitmodules.Modules, path: str, *, at: str, full: str) -> None:
    """Report what is wrong with the entry of a submodule, apart from its address."""
    if path in modules.misspelt:
        world.found("git.submodule", "misspelt", at=at, path=modules.misspelt[path], clean=path)
    if path in modules.skipped:
        world.found("git.submodule", "skipped", at=at, path=full)
