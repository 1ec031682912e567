"""Looks at submodules, nested ones included, with the credentials that the agents will have.

Agents fetch every submodule of the Dag repository (`git submodule update --init --recursive`): one that fails stops all
Dags, also when no dbt project lies in it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from clients.git import Cause, GitError, PartialClone, Refs, Session, ls_remote
from domain.remote import parse_remote, spellings
from preflight import dbt_files, gitmodules
from preflight.agents_access import AgentsAccess
from preflight.explain import Subject, explain
from preflight.parallel import Task, together
from preflight.report import ProjectFacts
from preflight.words import near
from preflight.world import World
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
        if connection is not None or not link.url.startswith("https://"):
            return False
        if parse_remote(link.url).authority not in hosts:
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
        named = [(project.repo, project.connection) for project in settings.dbt_projects]
        named += [(submodule.repo, submodule.connection) for submodule in settings.dags.submodules]
        if link.url == settings.dags.repo:
            named.append((settings.dags.repo, settings.dags.connection))
        for repo, connection in named:
            if repo and connection and same_repository(repo, link.url):
                return connection
        return None

    def _address_works(self, link: Link) -> bool:
        world, at = self._world, _at(link, "path")
        shown = gitmodules.without_userinfo(link.url)
        if gitmodules.is_relative(link.url):
            meant = gitmodules.absolute(link.url, link.parent)
            world.found("git.submodule-url", "relative", at=at, url=link.url, absolute=meant)
            return False
        if gitmodules.has_credentials(link.url):
            world.found("git.submodule-url", "credentials", at=at, url=shown)
            return False
        scheme = gitmodules.scheme(link.url)
        if scheme not in {"https", "http", "ssh"}:
            world.found("git.submodule-url", "scheme", at=at, url=shown)
            return False
        if scheme == "http":
            world.found("git.submodule-url", "insecure", at=at, url=shown)
        for lodger in link.lodgers:
            repo = lodger.project.repo
            if repo and lodger.project.connection and not same_repository(repo, link.url):
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
            behind = self._lag(link, lodger, clone, refs)
            self._world.projects[lodger.project.name] = ProjectFacts(link.url, link.commit, behind, name)
        modules = gitmodules.read_modules(session, files.get(".gitmodules", b""))
        nested = []
        for path, entry in entries.items():
            if entry.kind != "submodule":
                continue
            full = f"{link.path}/{path}"
            if path in modules.urls:
                nested.append(Link(full, entry.object_id, modules.urls[path], link.url, (), link.depth + 1))
            else:
                self._world.found("git.nested", "unregistered", at="dags.submodules", path=full)
        return nested

    def _lag(self, link: Link, lodger: Lodger, clone: PartialClone, refs: Refs) -> int | str | None:
        """Commits behind the branch that the project follows, told and returned."""
        world, ref = self._world, lodger.project.ref
        if not world.levels.looks("git.lag"):
            return None
        at = f"dbtProjects[{lodger.index}].path"
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
        except GitError as error:
            world.found("git.lag", "unknown", at=at, detail=error)
            return None
        if lag is None:
            world.found("git.lag", "unknown", at=at, detail="the host cannot send history without files")
            return None
        if lag.diverged:
            world.found("git.lag", "diverged", at=at, commit=link.commit[:12], ref=ref)
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


def same_repository(repo: str, url: str) -> bool:
    """Whether agents treat the two addresses alike: the https and SSH spellings of one repository are rewritten."""
    if not url.startswith("https://") and gitmodules.scheme(url) != "ssh":
        return False
    ours, theirs = parse_remote(repo), parse_remote(url)
    written = {*spellings(repo), *ours.ssh_spellings(), ours.https_url()}
    return url in written or (ours.host, ours.path.removesuffix(".git")) == (
        theirs.host,
        theirs.path.removesuffix(".git"),
    )
