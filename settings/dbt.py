"""`dbtProjects`: the dbt projects and where each one comes from."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from settings.base import EnvName, RelativePath, RepositoryUrl, Section
from settings.dags import BundleName, ConnectionId


class DbtPackage(Section):
    """A private dbt package: a Git repository that a project's packages.yml or dependencies.yml names."""

    repo: RepositoryUrl
    """Clone URL of the package."""
    connection: ConnectionId
    """Connection whose credentials open it."""
    spellings: tuple[RepositoryUrl, ...] = ()
    """Other addresses of the same repository that packages.yml may contain; not needed for the patterns of known hosts."""


class DbtProject(Section):
    """One dbt project; the fields of both delivery options can be set at the same time."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
    """Name of the project, as in its dbt_project.yml; also the name of its folder on the agent."""
    bundle: BundleName | None = None
    """git-submodule: name of the Dag bundle whose repository contains the project; needed if `dags` lists several repositories."""
    path: RelativePath | None = None
    """git-submodule: folder of the project in the Dag repository, for example dags/dbt/sales."""
    submodule: bool = True
    """git-submodule: False if the project is an ordinary folder of the Dag repository."""
    repo: RepositoryUrl | None = None
    """Clone URL of the project's own repository; needed if it is private or built from Git."""
    spellings: tuple[RepositoryUrl, ...] = ()
    """Other addresses of the same repository that .gitmodules may contain; not needed for the patterns of known hosts."""
    ref: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\s~^:?*\[\\]+$")] = "main"
    """Branch, tag or commit that the image is built from, and that the submodule's commit is compared with. By default the submodule is compared with the branch in .gitmodules, or else with the repository's default branch."""
    connection: ConnectionId | None = None
    """Connection with the credentials for `repo`; none for a public repository."""
    source: str | None = None
    """agent-image: local folder with the project (relative to Pulumi.yaml); overrides `repo`."""
    subdir: RelativePath | None = None
    """agent-image: folder inside `repo` that contains dbt_project.yml; by default the root."""
    target: Annotated[str, StringConstraints(pattern=r"^[^\s{}'\"]+$")] | None = None
    """agent-image: target of profiles.yml that the manifest in the image is for, that of the Dag; the profile's default when left out."""
    parse_env: dict[EnvName, str] = {}
    """agent-image: environment variables that profiles.yml needs for `dbt parse` at build time; no secrets."""
