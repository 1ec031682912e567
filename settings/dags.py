"""`dags`: the Dag repository and how the agents' Git bundle fetches it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from settings.base import RelativePath, RepositoryUrl, Seconds, Section

ConnectionId = Annotated[str, StringConstraints(pattern=r"^[\w#!()\-.:/\\]+$", max_length=250)]
"""Id of an Airflow connection, as Airflow allows it (airflow.models.connection.sanitize_conn_id).

An id that becomes `AIRFLOW_CONN_<ID>` and part of a Secret's name has to be simpler (settings.consistency).
"""


class Submodule(Section):
    """A submodule that is not a dbt project: code that Dags import, or a submodule nested in a dbt project."""

    repo: RepositoryUrl
    """Clone URL of the submodule (absolute)."""
    connection: ConnectionId | None = None
    """Connection with its credentials; none for a public repository."""
    spellings: tuple[RepositoryUrl, ...] = ()
    """Other addresses of the same repository that .gitmodules may contain; not needed for the patterns of known hosts."""


class Dags(Section):
    """The Dag repository, fetched by the agents as a GitDagBundle."""

    repo: RepositoryUrl
    """Clone URL of the Dag repository."""
    ref: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\s~^:?*\[\\]+$")] = "main"
    """Branch, tag or commit that the agents track (the bundle's `tracking_ref`)."""
    subdir: RelativePath | None = None
    """Folder of the repository that contains the Dags; by default the root."""
    connection: ConnectionId | None = None
    """Connection with the credentials of the Dag repository; none for a public repository."""
    refresh_interval: Seconds = 300
    """Seconds between the agents' fetches; low values can hit the Git host's rate limits."""
    bundle_name: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=200)
    ] = "dags"
    """Name of the bundle in Airflow; Dag versions are stored under it, so keep it stable."""
    submodules: tuple[Submodule, ...] = Field(default=())
    """Other submodules and their connections, including nested ones; with any entry, agents fetch submodules under both options."""
