"""Submodules, nested ones included, read with the credentials that the agents will have.

Agents fetch every submodule of the Dag repository (`git submodule update --init --recursive`): one that fails stops all Dags,
even when no dbt project is in it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from clients.git import Cause, Entry, GitError, PartialClone, Refs, Session, ls_remote
from clients.git.links import follow
from clients.git.refs import default_branch
from delivery.git_access import opened_by, opens
from domain.address import AddressError, RepositoryAddress, is_relative, redacted, resolved
from domain.suggestions import near
from preflight import dbt_files
from preflight.agents_access import AgentsAccess
from preflight.catalogue.git_checks import (
    GIT_AUTH,
    GIT_LAG,
    GIT_NESTED,
    GIT_PIN,
    GIT_SUBMODULE,
    GIT_SUBMODULE_URL,
)
from preflight.context import Context
from preflight.git_failures import Subject, failure, unknown_credentials
from preflight.gitmodules import entry_findings, read_modules
from preflight.package_probe import PackageUser, package_findings
from preflight.parallel import Task, gather
from preflight.report import Finding, Found, ProjectFacts, ProjectSource
from settings.dags import GitBundle
from settings.dbt import DbtProject

HISTORY = 250
"""Commits of history that are followed to count how far a pin is behind."""
MOST_REPOSITORIES = 20
"""Submodules that are read in one run."""
DEEPEST = 3
"""Levels of nested submodules that are read."""


@dataclass(frozen=True)
class HostedProject:
    """A dbt project in a submodule."""

    index: int
    """Position in dbtProjects."""
    project: DbtProject
    """The project."""
    inside: str
    """Its folder inside the submodule; empty for the root."""


@dataclass(frozen=True)
class PinnedSubmodule:
    """A submodule as a commit has it: a place, a pinned commit and an address."""

    path: str
    """Path from the root of the Dag repository."""
    commit: str
    """Pinned commit."""
    url: str
    """Address as .gitmodules writes it."""
    parent: str
    """Address of the repository around it."""
    projects: tuple[HostedProject, ...] = ()
    """dbt projects in it."""
    depth: int = 1
    """1 for a submodule of the Dag repository itself."""
    branch: str | None = None
    """Branch that .gitmodules names."""
    bundle_at: str = "dags"
    """Stack key of the bundle of the Dag repository."""

    @property
    def listed_at(self) -> str:
        """Stack key that lists submodules without dbt projects."""
        return f"{self.bundle_at}.submodules"

    def key(self, field: str) -> str:
        """Stack key that decides about it: of its first project, else of the bundle's submodules."""
        return f"dbtProjects[{self.projects[0].index}].{field}" if self.projects else self.listed_at

    @property
    def short(self) -> str:
        """The pinned commit as findings show it."""
        return self.commit[:12]


class SubmoduleWalk:
    """Reads submodules side by side, and then those in them, one level after another."""

    def __init__(self, context: Context, bundle: GitBundle, view: AgentsAccess) -> None:
        self._context = context
        self._bundle = bundle
        self._settings = context.settings
        self._view = view

    def walk(self, submodules: Sequence[PinnedSubmodule]) -> Iterator[Found]:
        """Read the submodules and everything that they pull in, within four time limits."""
        limit = time.monotonic() + 4 * self._context.timeout
        level, left = list(submodules), MOST_REPOSITORIES
        while level:
            allowed = [item for item in level if item.depth <= DEEPEST][:left]
            left -= len(allowed)
            for item in level:
                if item not in allowed:
                    most = DEEPEST if item.depth > DEEPEST else MOST_REPOSITORIES
                    yield GIT_NESTED.unverified(item.listed_at, path=item.path, limit=most)
            tasks = [Task(item.path, partial(self._visit, item)) for item in allowed]
            outcomes = gather(tasks, seconds=limit - time.monotonic())
            level = []
            for item, outcome in zip(allowed, outcomes, strict=True):
                yield from (found for found in outcome.results if not isinstance(found, PinnedSubmodule))
                level += [found for found in outcome.results if isinstance(found, PinnedSubmodule)]
                if not outcome.finished:
                    yield failure(self._settings, self._subject(item), GitError(Cause.TIMEOUT, "no answer"))
            for outcome in outcomes:
                if outcome.error is not None:
                    raise outcome.error

    def _visit(self, submodule: PinnedSubmodule) -> Iterator[Found | PinnedSubmodule]:
        """Findings and facts of one submodule, and the submodules in it."""
        problems = list(address_findings(submodule))
        yield from problems
        if any(finding.severity == "error" for finding in problems):
            return
        connection = self._connection(submodule)
        if connection is not None and connection in self._view.unknown:
            detail = self._view.unknown[connection]
            yield unknown_credentials(connection, "", url=submodule.url, detail=detail)
            return
        if connection is not None and connection in self._view.problems:
            return
        nested: list[PinnedSubmodule] = []
        try:
            shared = self._is_shared(submodule, connection)
            access = self._view.access if connection or shared else self._view.access.without_logins()
            with Session(access, timeout=self._context.timeout) as session:
                refs = ls_remote(session, submodule.url)
                clone = PartialClone(session, submodule.url)
                missing = _pin(submodule, clone, refs)
                if missing is not None:
                    yield missing
                else:
                    for item in self._inside(submodule, session, clone, refs):
                        if isinstance(item, PinnedSubmodule):
                            nested.append(item)
                        else:
                            yield item
        except GitError as error:
            yield self._failure(submodule, error)
            return
        if shared:
            connection = self._bundle.connection or ""
            yield GIT_AUTH.shared(submodule.key("connection"), url=submodule.url, connection=connection)
        yield from nested

    def _is_shared(self, submodule: PinnedSubmodule, connection: str | None) -> bool:
        """Whether only the Dag repository's own connection opens a submodule that has none. Raises GitError."""
        hosts = {login.authority for login in self._view.access.logins}
        hosts |= {app.authority for app in self._view.access.apps}
        address = RepositoryAddress.parse(submodule.url)
        if connection is not None or address.scheme != "https" or address.authority not in hosts:
            return False
        try:
            with Session(self._view.access.without_logins(), timeout=self._context.timeout) as session:
                ls_remote(session, submodule.url)
        except GitError as error:
            if error.cause in {Cause.UNAUTHORISED, Cause.NOT_FOUND}:
                return True
            raise
        return False

    def _connection(self, submodule: PinnedSubmodule) -> str | None:
        """The connection that the stack names for this repository."""
        settings = self._settings
        if submodule.url == self._bundle.repo:
            return self._bundle.connection
        opened = opened_by(settings, submodule.url)
        return opened[1] if opened else None

    def _inside(
        self, submodule: PinnedSubmodule, session: Session, clone: PartialClone, refs: Refs
    ) -> Iterator[Found | PinnedSubmodule]:
        """What the pinned commit holds. Raises GitError."""
        entries = {entry.path: entry for entry in clone.entries(submodule.commit)}
        real = {hosted.index: follow(clone, entries, hosted.inside) for hosted in submodule.projects}
        own = {
            index: dbt_files.files_of(clone, entries, folder)
            for index, folder in real.items()
            if folder is not None
        }
        files = clone.read(_wanted(entries, own))
        for hosted in submodule.projects:
            at, folder = f"dbtProjects[{hosted.index}]", real[hosted.index]
            if folder is None:
                yield GIT_SUBMODULE.link(f"{at}.path", path=f"{submodule.path}/{hosted.inside}")
                continue
            project = dbt_files.ProjectFiles.of(own[hosted.index], files)
            hosted = replace(hosted, inside=folder)
            yield from self._project(submodule, hosted, entries, project)
            pointers = dbt_files.lfs_paths(session, entries, files, folder)
            remedy = "deliver the project with agent-image"
            yield from dbt_files.lfs_findings(pointers, at=f"{at}.path", remedy=remedy)
            findings, behind = self._lag(submodule, hosted, session, clone, refs, at=at)
            yield from findings
            facts = ProjectFacts(submodule.url, submodule.commit, behind, project.name)
            yield ProjectSource(hosted.project.name, facts)
        try:
            modules = read_modules(session, files.get(".gitmodules", b""))
        except GitError as error:
            yield GIT_SUBMODULE.invalid(submodule.key("path"), url=submodule.url, detail=str(error))
            return
        for path, entry in entries.items():
            if entry.kind != "submodule":
                continue
            full = f"{submodule.path}/{path}"
            if path in modules.ignored:
                yield GIT_SUBMODULE.ignored(submodule.listed_at, path=full, reason=modules.ignored[path])
                continue
            if path not in modules.urls:
                yield GIT_NESTED.unregistered(submodule.listed_at, path=full)
                continue
            yield from entry_findings(modules, path, at=submodule.listed_at, full=full)
            try:
                # A nested relative address Git resolves against the remote of the submodule around it.
                url = resolved(modules.urls[path], submodule.url)
            except AddressError as error:
                url = modules.urls[path]
                if is_relative(url):
                    yield GIT_SUBMODULE_URL.unreadable(submodule.listed_at, path=full, detail=str(error))
                    continue
            yield PinnedSubmodule(
                full,
                entry.object_id,
                url,
                submodule.url,
                (),
                submodule.depth + 1,
                bundle_at=submodule.bundle_at,
            )

    def _project(
        self,
        submodule: PinnedSubmodule,
        hosted: HostedProject,
        entries: Mapping[str, Entry],
        own: dbt_files.ProjectFiles,
    ) -> Iterator[Finding]:
        at = f"dbtProjects[{hosted.index}].path"
        where = f"{hosted.inside or 'the root'} of {submodule.url}"
        yield from dbt_files.examine(self._context, hosted.index, own, at=at, where=where)
        user = PackageUser.in_commit(hosted.index, own, hosted.inside, entries, is_submodule=True)
        yield from package_findings(self._context, user)

    def _followed(self, submodule: PinnedSubmodule, project: DbtProject, session: Session, refs: Refs) -> str:
        """The stack's `ref`, else the branch of .gitmodules (gitmodules(5)), else the branch of the remote's HEAD."""
        if "ref" in project.model_fields_set:
            return project.ref
        if submodule.branch:
            return self._bundle.ref if submodule.branch == "." else submodule.branch
        return default_branch(session, submodule.url, refs) or project.ref

    def _lag(
        self,
        submodule: PinnedSubmodule,
        hosted: HostedProject,
        session: Session,
        clone: PartialClone,
        refs: Refs,
        *,
        at: str,
    ) -> tuple[list[Finding], int | str | None]:
        """(findings, commits behind the branch that the project follows)."""
        if not self._context.levels.enabled(GIT_LAG.id):
            return [], None
        ref = self._followed(submodule, hosted.project, session, refs)
        tip = refs.resolve(ref)
        if tip is None:
            remedy = near(ref, refs.names(), none="a branch that exists")
            if submodule.branch and "ref" not in hosted.project.model_fields_set:
                return [GIT_LAG.no_branch(f"{at}.path", branch=ref, url=submodule.url, near=remedy)], None
            return [GIT_LAG.no_ref(f"{at}.ref", ref=ref, url=submodule.url, near=remedy)], None
        if tip == submodule.commit:
            return [], 0
        place, commit = f"{at}.path", submodule.short
        try:
            lag = clone.lag(submodule.commit, refs.full_name(ref), limit=HISTORY)
            holder = clone.holder(submodule.commit, refs, limit=HISTORY) if lag and lag.diverged else None
        except GitError as error:
            return [GIT_LAG.unknown(place, detail=str(error))], None
        if lag is None:
            return [GIT_LAG.unknown(place, detail="the host cannot send history without files")], None
        if holder is not None:
            if holder.ref:
                name = holder.ref.split("/", 2)[2]
                return [GIT_LAG.elsewhere(place, commit=commit, ref=ref, holder=name)], None
            if holder.unknown:
                return [GIT_LAG.unknown(place, detail=f"it is not part of {ref}")], None
            return [GIT_LAG.diverged(place, commit=commit, ref=ref)], None
        behind = f"more than {lag.commits}" if lag.more else lag.commits
        if not lag.commits:
            return [], behind
        count = f"{behind} commit" + ("" if behind == 1 else "s")
        return [GIT_LAG.behind(place, count=count, ref=ref, path=submodule.path)], behind

    def _subject(self, submodule: PinnedSubmodule) -> Subject:
        named = any(hosted.project.repo for hosted in submodule.projects)
        return Subject(
            submodule.url,
            at=submodule.key("repo" if named else "path"),
            connection=self._connection(submodule),
            connection_at=submodule.key("connection"),
        )

    def _failure(self, submodule: PinnedSubmodule, error: GitError) -> Finding:
        if submodule.projects:
            return failure(self._settings, self._subject(submodule), error)
        if error.cause is Cause.UNAUTHORISED and self._connection(submodule) is None:
            detail = f"{submodule.url} is private and no connection opens it"
        else:
            detail = f"{submodule.url} ({error.cause}: {error})"
        return GIT_NESTED.failing(submodule.listed_at, path=submodule.path, detail=detail)


def _wanted(entries: Mapping[str, Entry], own: Mapping[int, Mapping[str, Entry]]) -> list[Entry]:
    """The files of a submodule that are read; ``own`` are those of the dbt projects in it, by position and name."""
    wanted = {entry.path: entry for files in own.values() for entry in files.values()}
    if ".gitmodules" in entries:
        wanted[".gitmodules"] = entries[".gitmodules"]
    if own:
        wanted |= {entry.path: entry for entry in dbt_files.attributes_of(entries)}
    return list(wanted.values())


def _pin(submodule: PinnedSubmodule, clone: PartialClone, refs: Refs) -> Finding | None:
    """Fetch the pinned commit; why it cannot be had. Raises GitError."""
    at, commit, url = submodule.key("path"), submodule.short, submodule.url
    branches = tuple(f"refs/heads/{name}" for name in refs.branches)
    branches += tuple(f"refs/tags/{name}" for name in refs.tags)
    try:
        clone.fetch(submodule.commit, branches=branches)
    except GitError as error:
        if error.cause is Cause.MISSING_REF:
            return GIT_PIN.missing(at, commit=commit, url=url)
        if error.cause in {Cause.UNADVERTISED, Cause.TIMEOUT}:
            return GIT_PIN.unverified(at, commit=commit, url=url, detail=str(error))
        raise
    return None


def address_findings(submodule: PinnedSubmodule) -> Iterator[Finding]:
    """What is wrong with the address in .gitmodules; with an error, agents cannot fetch the submodule."""
    url, at, path = submodule.url, submodule.key("path"), submodule.path
    if submodule.depth == 1 and is_relative(url):
        try:
            absolute = resolved(url, submodule.parent)
        except AddressError as error:
            yield GIT_SUBMODULE_URL.unreadable(at, path=path, detail=str(error))
        else:
            yield GIT_SUBMODULE_URL.relative(at, url=url, absolute=absolute)
        return
    if url.startswith(("/", "file:")):
        yield GIT_SUBMODULE_URL.scheme(at, url=redacted(url))
        return
    try:
        address = RepositoryAddress.parse(url)
    except AddressError as error:
        yield GIT_SUBMODULE_URL.unreadable(at, path=path, detail=str(error))
        return
    if address.carries_credentials:
        yield GIT_SUBMODULE_URL.credentials(at, url=redacted(url))
        return
    if address.scheme == "http":
        yield GIT_SUBMODULE_URL.insecure(at, url=redacted(url))
    for hosted in submodule.projects:
        project = hosted.project
        if project.repo and project.connection and not opens(project.repo, project.spellings, url):
            where = f"dbtProjects[{hosted.index}].repo"
            yield GIT_SUBMODULE_URL.differs(where, repo=project.repo, url=redacted(url))
