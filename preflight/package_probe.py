"""dbt packages of a project, opened with what will install them: agents under git-submodule, the image build otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from posixpath import join

from clients.git import Access, Cause, Entry, GitError, PartialClone, Refs, Session, ls_remote
from clients.git.refs import default_branch
from clients.source_tree import SourceTree
from delivery.git_access import opened_by
from domain.address import AddressError, RepositoryAddress, redacted
from domain.dbt_output import DEFAULT_PACKAGES, DbtOutput
from domain.dbt_packages import LOCK_FILE, PACKAGES_FILES, GitPackage, PackageList, local_folder
from domain.suggestions import near
from preflight.agents_access import agents_access
from preflight.catalogue.dbt_checks import DBT_PACKAGES
from preflight.connection import repository_access
from preflight.context import Context
from preflight.dbt_files import ProjectFiles
from preflight.git_failures import Subject, failure
from preflight.parallel import Task, gather
from preflight.report import Finding

MOST_REPOSITORIES = 20
"""Packages of one project that are asked for."""


@dataclass(frozen=True)
class PackageUser:
    """A dbt project, and the repository around it."""

    index: int
    """Position in dbtProjects."""
    files: ProjectFiles
    """Files at the project's root."""
    folder: str
    """The project's folder in its repository; empty for the root."""
    has_folder: Callable[[str], bool]
    """Whether the repository has a folder."""
    vendored: bool
    """Whether the repository has the packages themselves."""
    is_submodule: bool = False
    """Whether the repository is a submodule on the agents, where folders around it exist as well."""

    @classmethod
    def in_commit(
        cls,
        index: int,
        files: ProjectFiles,
        folder: str,
        entries: Mapping[str, Entry],
        *,
        is_submodule: bool = False,
    ) -> PackageUser:
        """A project in ``folder`` of a commit."""

        def has_folder(path: str) -> bool:
            parts = path.split("/")
            above = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
            linked = any(place in entries and entries[place].kind == "link" for place in above)
            return linked or (path in entries and entries[path].kind == "folder")

        vendored = has_folder(join(folder, _installed(files)))
        return cls(index, files, folder, has_folder, vendored, is_submodule)

    @classmethod
    def on_disk(cls, index: int, files: ProjectFiles, tree: SourceTree) -> PackageUser:
        """A local project; packages that `dbt deps` has installed there do not reach the image."""
        start = tree.folder.relative_to(tree.boundary).as_posix()
        vendored = tree.tracks(_installed(files))
        return cls(
            index,
            files,
            "" if start == "." else start,
            lambda path: (tree.boundary / path).is_dir(),
            vendored,
        )

    @property
    def key(self) -> str:
        """Stack key of the project."""
        return f"dbtProjects[{self.index}]"


def _installed(files: ProjectFiles) -> str:
    return DbtOutput.of(files.definition).packages or DEFAULT_PACKAGES


def package_findings(context: Context, user: PackageUser) -> Iterator[Finding]:
    """What keeps a project's packages from being installed."""
    if not context.levels.enabled(DBT_PACKAGES.id) or user.vendored:
        return
    asked = PackageList.of(user.files.content, *PACKAGES_FILES)
    locked = PackageList.of(user.files.content, LOCK_FILE)
    for path in dict.fromkeys(asked.local):
        yield from _local(user, path)
    for url in dict.fromkeys(asked.templated):
        yield DBT_PACKAGES.templated(user.key, url=redacted(url))
    # A lock file lists the packages of packages as well.
    pending, seen = list(locked.git or asked.git), set[GitPackage]()
    while pending := [item for item in dict.fromkeys(pending) if item not in seen][
        : MOST_REPOSITORIES - len(seen)
    ]:
        seen |= set(pending)
        tasks = [Task(item.url, partial(_package, context, user, item)) for item in pending]
        outcomes = gather(tasks, seconds=2 * context.timeout)
        for item, outcome in zip(pending, outcomes, strict=True):
            yield from (found for found in outcome.results if isinstance(found, Finding))
            if outcome.error is not None:
                raise outcome.error
            if not outcome.finished:
                timeout = GitError(Cause.TIMEOUT, "no answer")
                yield failure(context.settings, _subject(context, user, item.url), timeout)
        found = [item for outcome in outcomes for item in outcome.results if isinstance(item, GitPackage)]
        pending = [] if locked.git else found


def _local(user: PackageUser, path: str) -> Iterator[Finding]:
    folder = local_folder(user.folder, path)
    if folder is None and user.is_submodule and not path.startswith(("/", "~")):
        yield DBT_PACKAGES.around(user.key, path=path)
    elif folder is None:
        yield DBT_PACKAGES.outside(user.key, path=path)
    elif folder and not user.has_folder(folder):
        yield DBT_PACKAGES.no_folder(user.key, path=path)


def _subject(context: Context, user: PackageUser, url: str) -> Subject:
    opened = opened_by(context.settings, url)
    return Subject(url, at=user.key, connection=opened[1] if opened else None, connection_at="dbtPackages")


def _access(context: Context, connection: str | None) -> Access:
    """What `dbt deps` will have. Raises GitError."""
    read_secret = context.cluster.read_secret
    if context.plan.option == "git-submodule":
        # Apart from the login, every bundle has the same access.
        bundle = context.settings.fetched_bundles[0]
        view = agents_access(context.settings, context.plan, bundle, secrets=read_secret)
        if connection is not None and connection in view.unknown:
            raise GitError(Cause.NO_CREDENTIALS, view.unknown[connection])
        # The provider lends the Dag repository's login, and its options of ssh, to its own Git commands only.
        return replace(view.access.without_logins(), ssh_arguments=())
    return repository_access(context.settings, connection, root=context.root, secrets=read_secret)


def _package(context: Context, user: PackageUser, package: GitPackage) -> Iterator[Finding | GitPackage]:
    """Findings about one package, and the packages that it asks for."""
    try:
        address = RepositoryAddress.parse(package.url)
    except AddressError as error:
        yield DBT_PACKAGES.unreadable(user.key, url=redacted(package.url), detail=str(error))
        return
    if address.carries_credentials:
        yield DBT_PACKAGES.credentials(user.key, url=redacted(package.url))
        return
    opened = opened_by(context.settings, package.url)
    url = opened[0] if opened and context.plan.option == "agent-image" else package.url
    connection = opened[1] if opened else None
    try:
        with Session(_access(context, connection), timeout=context.timeout) as session:
            yield from _content(user, package, session, url)
    except GitError as error:
        if connection is None and error.cause in {Cause.UNAUTHORISED, Cause.NOT_FOUND}:
            project = context.settings.dbt_projects[user.index].name
            yield DBT_PACKAGES.private("dbtPackages", url=package.url, project=project)
        else:
            yield failure(context.settings, _subject(context, user, package.url), error)


def _content(
    user: PackageUser, package: GitPackage, session: Session, url: str
) -> Iterator[Finding | GitPackage]:
    """The package at its revision. Raises GitError."""
    refs = ls_remote(session, url)
    clone = PartialClone(session, url)
    name = _full_name(session, url, refs, package.revision)
    try:
        commit = clone.fetch(name) if name else None
    except GitError as error:
        if error.cause is Cause.UNADVERTISED:
            return  # whether the commit exists, only a fetch of everything would tell
        if error.cause is not Cause.MISSING_REF:
            raise
        commit = None
    if commit is None:
        revision = package.revision or "HEAD"
        remedy = near(revision, refs.names(), none="one that exists")
        yield DBT_PACKAGES.no_revision(user.key, url=package.url, revision=revision, near=remedy)
        return
    entries = {entry.path: entry for entry in clone.entries(commit)}
    if join(package.folder, "dbt_project.yml") not in entries:
        where = package.folder or "the root"
        yield DBT_PACKAGES.no_project(user.key, url=package.url, folder=where)
        return
    names = [join(package.folder, name) for name in PACKAGES_FILES]
    yield from PackageList.of(clone.read([entries[path] for path in names if path in entries]), *names).git


def _full_name(session: Session, url: str, refs: Refs, revision: str | None) -> str | None:
    if revision is None:
        branch = default_branch(session, url, refs)
        return f"refs/heads/{branch}" if branch else None
    return refs.full_name(revision) if refs.resolve(revision) else None
