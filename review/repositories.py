"""Which Dag bundle, dbt project, dbt package or submodule a Git repository belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.address import AddressError, RepositoryAddress
from review.preview import Preview


@dataclass(frozen=True)
class Owner:
    """What has a repository."""

    name: str
    """It in words, for example: Dag bundle `sales`."""
    address: RepositoryAddress
    """Address of the repository."""
    connection: str | None = None
    """Connection that opens it; None if there is none, or it is not known."""
    part_of: str | None = None
    """Name of the Dag bundle that it comes with."""


def bundle_name(name: str) -> str:
    """A Dag bundle in words."""
    return f"Dag bundle {code(name)}"


def project_name(name: str) -> str:
    """A dbt project in words."""
    return f"dbt project {code(name)}"


def code(text: str) -> str:
    """A name as code, for a sentence or a cell of a table."""
    return f"`{''.join(sign for sign in text if sign not in '`|')}`"


def owners(preview: Preview) -> tuple[Owner, ...]:
    """Every repository that the stack names now, and those of bundles and dbt projects that it had at the last update."""
    found: dict[tuple[str, str], Owner] = {}
    for owner in (*_of_settings(preview), *_of_outputs(preview)):
        found.setdefault((owner.name, str(owner.address)), owner)
    return tuple(found.values())


def with_repository(owners: Sequence[Owner], addresses: Sequence[str]) -> tuple[Owner, ...]:
    """Owners of the repository that has one of the addresses."""
    parsed = [address for address in map(_parsed, addresses) if address is not None]
    return tuple(
        owner for owner in owners if any(owner.address.same_repository(address) for address in parsed)
    )


def with_connection(owners: Sequence[Owner], connection: str) -> tuple[Owner, ...]:
    """Owners of the repositories that a connection opens; its id may be spelled as in an object's name."""
    wanted = connection.replace("_", "-").lower()
    return tuple(
        owner for owner in owners if owner.connection and owner.connection.replace("_", "-").lower() == wanted
    )


def path_of(address: str) -> str:
    """The path of a repository, without its host.

    >>> path_of("https://git.example.com/sales/dags.git")
    'sales/dags'
    """
    parsed = _parsed(address)
    return parsed.path.strip("/").removesuffix(".git") if parsed else address


def same_repository(one: str, other: str) -> bool:
    """Whether two addresses are those of one repository; False if one is not an address."""
    left, right = _parsed(one), _parsed(other)
    return left is not None and right is not None and left.same_repository(right)


def _of_settings(preview: Preview) -> Iterator[Owner]:
    bundles = preview.entries("dags")
    for bundle in bundles:
        name = bundle_name(bundle_id(bundle))
        yield from _owner(name, bundle)
    for project in preview.entries("dbtProjects"):
        yield from _owner(project_name(str(project.get("name"))), project)
    for package in preview.entries("dbtPackages"):
        yield from _owner(f"dbt package {code(path_of(str(package.get('repo'))))}", package)
    for bundle in bundles:
        name = bundle_name(bundle_id(bundle))
        for submodule in bundle.get("submodules") or ():
            if isinstance(submodule, Mapping):
                path = code(path_of(str(submodule.get("repo"))))
                yield from _owner(f"submodule {path} of {name}", submodule, part_of=name)


def bundle_id(bundle: Mapping[str, Any]) -> str:
    """The name of a bundle as the stack file has it."""
    return str(bundle.get("name") or bundle.get("bundleName") or "dags")


def _of_outputs(preview: Preview) -> Iterator[Owner]:
    for key, name_of in (("dagBundles", bundle_name), ("dbtProjects", project_name)):
        known = preview.outputs.get(key)
        for name, item in known.items() if isinstance(known, Mapping) else ():
            if isinstance(item, Mapping):
                yield from _owner(name_of(str(name)), {"repo": item.get("repository")})


def _owner(name: str, item: Mapping[str, Any], *, part_of: str | None = None) -> Iterator[Owner]:
    address = _parsed(item.get("repo"))
    if address is not None:
        connection = item.get("connection")
        yield Owner(name, address, str(connection) if connection else None, part_of)


def _parsed(text: object) -> RepositoryAddress | None:
    try:
        return RepositoryAddress.parse(text) if isinstance(text, str) else None
    except AddressError:
        return None
