"""`dags`: the Dag repository and how the agents' Git bundle reads it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from settings.base import RelativePath, RepositoryUrl, Seconds, Section

ConnectionId = Annotated[str, StringConstraints(pattern=r"^[\w#!()\-.:/\\]+$", max_length=250)]
"""Id of an Airflow connection, as Airflow allows it (airflow.models.connection.sanitize_conn_id).

One that becomes `AIRFLOW_CONN_<ID>` and names Secrets has to be simpler (settings.rules).
"""


class Submodule(Section):
    """A submodule that is not a dbt project itself: code that Dags import, or one nested inside a dbt project."""

    repo: RepositoryUrl
    """Clone URL of the submodule (absolute)."""
    connection: ConnectionId | None = None
    """Connection whose credentials open it; none for a public repository."""
    spellings: tuple[RepositoryUrl, ...] = ()
    """Further addresses of the same repository that .gitmodules may hold; patterns of known hosts need none."""


class Dags(Section):
    """The Dag repository, fetched by the agents as a GitDagBundle."""

    repo: RepositoryUrl
    """Clone URL of the Dag repository."""
    ref: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\s~^:?*\[\\]+$")] = "main"
    """Branch, tag or commit that the agents track (the bundle's `tracking_ref`)."""
    subdir: RelativePath | None = None
    """Folder of the repository that holds the Dags; the root when left out."""
    connection: ConnectionId | None = None
    """Connection with the credentials of the Dag repository; none for a public repository."""
    refresh_interval: Seconds = 300
    """Seconds between two looks of the agents at the repository; low values meet the Git host's rate limits."""
    bundle_name: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=200)
    ] = "dags"
    """Name of the bundle in Airflow; Dag versions are kept under it, so keep it stable."""
    submodules: tuple[Submodule, ...] = Field(default=())
    """Further submodules and their connections, nested ones included; with any of them agents fetch submodules under both options."""
