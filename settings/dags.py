"""`dags`: the Dag bundles, and how agents get each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    PrivateAttr,
    StringConstraints,
    Tag,
    field_validator,
)
from pydantic_core import CoreSchema

from domain.credentials import in_clear
from settings.base import RelativePath, RepositoryUrl, Seconds, Section
from settings.stores import ClassPath

ConnectionId = Annotated[str, StringConstraints(pattern=r"^[\w#!()\-.:/\\]+$", max_length=250)]
"""Id of an Airflow connection, as Airflow allows it (airflow.models.connection.sanitize_conn_id).

An id that becomes `AIRFLOW_CONN_<ID>` and part of a Secret's name has to be simpler (settings.consistency).
"""
BundleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=200)]
"""Name of a bundle, which is also a folder on the agents."""
REPOSITORY = "repository"
"""`source` of a bundle whose Dags come into the image from its repository."""


class Submodule(Section):
    """A submodule that is not a dbt project: code that Dags import, or a submodule nested in a dbt project."""

    repo: RepositoryUrl
    """Clone URL of the submodule (absolute)."""
    connection: ConnectionId | None = None
    """Connection with its credentials; none for a public repository."""
    spellings: tuple[RepositoryUrl, ...] = ()
    """Other addresses of the same repository that .gitmodules may contain; not needed for the patterns of known hosts."""


class _Bundle(Section):
    """What every Dag bundle has."""

    _at: str = PrivateAttr("dags")

    name: Annotated[
        BundleName, Field(validation_alias=AliasChoices("name", "bundleName"), serialization_alias="name")
    ] = "dags"
    """Name of the bundle in Airflow, unique in the stack; Dag versions are stored under it, so keep it stable. (`bundleName`, as in earlier versions, works too.)"""
    refresh_interval: Seconds = 300
    """Seconds between the agents' fetches; low values can hit the host's rate limits."""
    arguments: dict[str, Any] = {}
    """Other keyword arguments of the bundle's class, as Airflow spells them, for example sparse_dirs; no credentials."""

    @property
    def at(self) -> str:
        """Stack key of this bundle, for example `dags` or `dags[1]`."""
        return self._at

    def located(self, at: str) -> Self:
        """The same bundle at another stack key."""
        found = self.model_copy()
        found._at = at  # noqa: SLF001 - of this very class
        return found

    @field_validator("arguments")
    @classmethod
    def _no_credentials(cls, value: dict[str, Any]) -> dict[str, Any]:
        for path in in_clear(value):
            raise ValueError(f"contains {path} in plain text; name a connection with the credentials")
        return value


class GitBundle(_Bundle):
    """A Dag repository that agents fetch as a GitDagBundle, or that is baked into their image."""

    repo: RepositoryUrl
    """Clone URL of the Dag repository."""
    ref: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\s~^:?*\[\\]+$")] = "main"
    """Branch, tag or commit that the agents track (the bundle's `tracking_ref`)."""
    subdir: RelativePath | None = None
    """Folder of the repository that contains the Dags; by default the root."""
    connection: ConnectionId | None = None
    """Connection with the credentials of the Dag repository; none for a public repository."""
    submodules: tuple[Submodule, ...] = Field(default=())
    """Other submodules and their connections, including nested ones; with any entry, agents fetch submodules under both options."""
    source: Annotated[str, StringConstraints(min_length=1)] | None = None
    """agent-image: bakes the Dags into the image, so that agents need no Git for them: `repository` takes them from `repo` at `ref`, anything else is a local checkout of it (a folder relative to Pulumi.yaml)."""


class ClassBundle(_Bundle):
    """A Dag bundle of another class: local files, S3, GCS, or your own."""

    class_path: Annotated[ClassPath, Field(alias="class")]
    """Class of the bundle, for example airflow.providers.amazon.aws.bundles.s3.S3DagBundle; the agents' image needs its package."""


def _kind(value: Any) -> str:
    by_class = "class" in value if isinstance(value, Mapping) else isinstance(value, ClassBundle)
    return "class" if by_class else "git"


Bundle = Annotated[
    Annotated[GitBundle, Tag("git")] | Annotated[ClassBundle, Tag("class")], Discriminator(_kind)
]
"""One Dag bundle."""


def model_of(value: Any) -> type[GitBundle] | type[ClassBundle]:
    """The model of a bundle as it is written in the stack file."""
    return ClassBundle if _kind(value) == "class" else GitBundle


class _OneOrSeveral:
    """In a stack file a single bundle needs no list."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


Bundles = Annotated[
    tuple[Bundle, ...],
    BeforeValidator(lambda value: [value] if isinstance(value, Mapping) else value),
    Field(min_length=1),
    _OneOrSeveral(),
]
"""The bundles of a stack; a stack file with a mapping has one."""


def home(bundles: Sequence[GitBundle], name: str | None) -> GitBundle | None:
    """The bundle of that name; without a name the only one there is. None if there is no such bundle."""
    found = [bundle for bundle in bundles if name in {None, bundle.name}]
    return found[0] if len(found) == 1 else None


ANONYMOUS = "dags"
"""Id of the Airflow connection of a public Dag repository, which has no connection in the stack."""


def airflow_connections(bundles: Iterable[GitBundle]) -> dict[str, str]:
    """Bundle -> id of the Airflow connection that it opens its repository with.

    An Airflow connection holds the address of one repository, so the first bundle that names a connection of the stack uses
    that one, and bundles with other repositories get connections whose credentials are in Git's configuration.
    """
    first: dict[str, str] = {}
    found: dict[str, str] = {}
    for bundle in bundles:
        own = bundle.connection or ANONYMOUS
        shared = first.setdefault(own, bundle.repo) == bundle.repo
        found[bundle.name] = own if shared else f"{own}_{re.sub('[^a-z0-9]+', '_', bundle.name.lower())}"
    return found
