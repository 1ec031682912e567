"""`dbtProjects`: the dbt projects and where each one comes from."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from settings.base import EnvName, RelativePath, RepositoryUrl, Section
from settings.dags import ConnectionId


class DbtProject(Section):
    """One dbt project; the fields of both delivery options may stand side by side."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
    """Name of the project, as in its dbt_project.yml; names its folder on the agent."""
    path: RelativePath | None = None
    """git-submodule: where the project lies in the Dag repository, for example dags/dbt/sales."""
    submodule: bool = True
    """git-submodule: False when the project is an ordinary folder of the Dag repository."""
    repo: RepositoryUrl | None = None
    """Clone URL of the project's own repository; needed when it is private or built from Git."""
    spellings: tuple[RepositoryUrl, ...] = ()
    """Further addresses of the same repository that .gitmodules may hold; patterns of known hosts need none."""
    ref: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\s~^:?*\[\\]+$")] = "main"
    """Branch, tag or commit: what the image is built from, and what the submodule's lag is measured against; the lag follows, when it is left out, the branch in .gitmodules or else the repository's default branch."""
    connection: ConnectionId | None = None
    """Connection whose credentials open `repo`; none for a public repository."""
    source: str | None = None
    """agent-image: local folder with the project (relative to Pulumi.yaml); wins over `repo`."""
    subdir: RelativePath | None = None
    """agent-image: folder inside `repo` that holds dbt_project.yml, when it is not the root."""
    parse_env: dict[EnvName, str] = {}
    """agent-image: environment variables that profiles.yml needs while dbt parses at build time; no secrets."""
