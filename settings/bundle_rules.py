"""Rules on the Dag bundles, and on the dbt projects in their repositories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from domain.address import RepositoryAddress
from domain.suggestions import nearest
from settings.connections import Connection, GithubAppConnection
from settings.dags import ANONYMOUS, Bundle, ClassBundle, GitBundle, airflow_connections, home
from settings.dbt import DbtProject

Found = Iterator[tuple[str, str]]
"""(path below the project, message) of every mistake."""

GIT_BUNDLE = "airflow.providers.git.bundles.git.GitDagBundle"
"""Class of the bundles that this program gives a repository."""

_DECIDED: Mapping[str, str] = {
    "name": "name",
    "refresh_interval": "refreshInterval",
    "tracking_ref": "ref",
    "subdir": "subdir",
    "git_conn_id": "connection",
    "repo_url": "repo",
    "submodules": "submodules, and by the dbt projects",
}
"""Argument of a bundle's class -> the key of the bundle that determines it."""
_OF_EVERY_CLASS = frozenset({"name", "refresh_interval"})
_KINDS: Mapping[str, tuple[type, str]] = {
    "prune_dotgit_folder": (bool, "is neither true nor false; write one of them"),
    "sparse_dirs": (list, "is not a list; write the folders to fetch with a leading dash"),
    "view_url_template": (
        str,
        "is not text; write a URL with {version}, for example https://host/org/dags/tree/{version}",
    ),
}
"""Argument of GitDagBundle -> its type, and what to write."""


def git_bundles(bundles: Sequence[Bundle]) -> list[GitBundle]:
    """Those with a repository."""
    return [bundle for bundle in bundles if isinstance(bundle, GitBundle)]


def bundle_names(bundles: Sequence[Bundle]) -> Found:
    """Airflow, and the files on the agents, identify bundles by name."""
    for index, bundle in enumerate(bundles):
        if bundle.name in {other.name for other in bundles[:index]}:
            yield f"{bundle.at}.name", f"repeats {bundle.name}; give every bundle a different name"


def bundle_arguments(bundles: Sequence[Bundle]) -> Found:
    """What the bundle's typed keys determine, and what Airflow could not read."""
    for bundle in bundles:
        for name, value in bundle.arguments.items():
            at = f"{bundle.at}.arguments.{name}"
            decided = name in _OF_EVERY_CLASS or (isinstance(bundle, GitBundle) and name in _DECIDED)
            if decided:
                yield at, f"is determined by {bundle.at}.{_DECIDED[name]}; remove it, and set that instead"
            elif isinstance(bundle, GitBundle) and name in _KINDS and not isinstance(value, _KINDS[name][0]):
                yield at, _KINDS[name][1]
        if isinstance(bundle, ClassBundle) and bundle.class_path == GIT_BUNDLE:
            yield f"{bundle.at}.class", "is the class of a Git bundle; write repo instead"


def sparse_folders(bundles: Sequence[Bundle], projects: Sequence[DbtProject]) -> Found:
    """A sparse checkout leaves out all other folders."""
    for bundle in bundles:
        folders = bundle.arguments.get("sparse_dirs")
        if not isinstance(bundle, GitBundle) or not isinstance(folders, list):
            continue
        kept = [f"{str(folder).strip('/')}/" for folder in folders]
        needed = {f"{bundle.at}.subdir": bundle.subdir} if bundle.subdir else {}
        for index, project in enumerate(projects):
            if project.path and home(git_bundles(bundles), project.bundle) == bundle:
                needed[f"dbtProjects[{index}].path"] = project.path
        for key, path in needed.items():
            if not f"{path}/".startswith(tuple(kept)):
                yield (
                    f"{bundle.at}.arguments.sparse_dirs",
                    f"leaves out {path}, which {key} names; add that folder",
                )


def bundle_connections(bundles: Sequence[Bundle], connections: Mapping[str, Connection]) -> Found:
    """An Airflow connection has the address of one repository."""
    git = git_bundles(bundles)
    ids = airflow_connections(git)
    repositories: dict[str, str] = {}
    for bundle in git:
        name, connection = ids[bundle.name], connections.get(bundle.connection or "")
        repository = repositories.setdefault(name, bundle.repo)
        if name == (bundle.connection or ANONYMOUS):
            continue
        if connection and (connection.backend or isinstance(connection, GithubAppConnection)):
            kind = "in the secrets backend" if connection.backend else "a GitHub App"
            yield (
                f"{bundle.at}.connection",
                f"names {bundle.connection}, which is {kind} and opens the Dag repository of another bundle; add a connection for "
                "this one",
            )
        elif name in connections or repository != bundle.repo:
            yield (
                f"{bundle.at}.name",
                f"makes {name} the id of the bundle's Airflow connection, which is taken; write another name",
            )


def project_bundles(bundles: Sequence[Bundle], projects: Sequence[DbtProject], *, submodules: bool) -> Found:
    """The bundle of every dbt project; with ``submodules`` each needs one, because it comes with its repository."""
    git = [bundle.name for bundle in git_bundles(bundles)]
    for index, project in enumerate(projects):
        at = f"dbtProjects[{index}].bundle"
        if project.bundle is not None and project.bundle not in git:
            near = nearest(project.bundle, git)
            remedy = f"write {near}" if near else f"write one of {', '.join(git)}" if git else "remove it"
            yield at, f"names {project.bundle}, which is not a bundle with a repository; {remedy}"
        elif project.bundle is None and submodules and len(git) != 1:
            remedy = (
                f"write the bundle whose repository contains the project: {' or '.join(git)}"
                if git
                else "add a bundle with the repository that contains the project, or set delivery to agent-image"
            )
            yield at, f"is missing; {remedy}"


def project_paths(bundles: Sequence[Bundle], projects: Sequence[DbtProject]) -> Found:
    """No project is inside another one of the same repository."""
    for index, project in enumerate(projects):
        for other in projects[:index]:
            homes = {item.name: home(git_bundles(bundles), item.bundle) for item in (project, other)}
            if not project.path or not other.path or homes[project.name] != homes[other.name]:
                continue
            if f"{project.path}/".startswith(f"{other.path}/"):
                problem = f"is inside {other.path} of the project {other.name}"
            elif f"{other.path}/".startswith(f"{project.path}/"):
                problem = f"contains {other.path} of the project {other.name}"
            else:
                continue
            yield f"dbtProjects[{index}].path", f"{problem}; use a separate folder"


def one_connection_per_repository(
    uses: Sequence[tuple[str, str, str | None]], owned: Mapping[str, str]
) -> Found:
    """Git would send the headers of both connections, which hosts refuse.

    ``uses`` are (path of the key, connection, URL); ``owned`` maps keys of bundles to connections that Airflow opens itself,
    which send no header.
    """
    seen: list[tuple[RepositoryAddress, str, str]] = []
    for path, name, url in uses:
        if url is None or owned.get(path) == name:
            continue
        address = RepositoryAddress.parse(url)
        for known, other, first in seen:
            if other != name and known.same_repository(address):
                yield (
                    path,
                    f"names {name} for a repository for which {first} names {other}; write {other} here",
                )
                break
        else:
            seen.append((address, name, path))


def dag_sources(bundles: Sequence[Bundle], is_folder: Callable[[str], bool]) -> Found:
    """Local folders with Dags for the image exist, the Dags' folder in them too; ``is_folder`` tells."""
    for bundle in bundles:
        if not isinstance(bundle, GitBundle) or bundle.source in {None, "repository"}:
            continue
        folder = f"{bundle.source}/{bundle.subdir}" if bundle.subdir else str(bundle.source)
        if not is_folder(str(bundle.source)):
            yield (
                f"{bundle.at}.source",
                f"names {bundle.source}, which is not a folder; write a path relative to Pulumi.yaml, or repository for {bundle.repo} "
                f"at {bundle.ref}",
            )
        elif not is_folder(folder):
            yield (
                f"{bundle.at}.source",
                f"names {bundle.source}, which has no folder {bundle.subdir}; write the folder of a checkout, or correct "
                f"{bundle.at}.subdir",
            )
