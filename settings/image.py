"""`image`, `registry`, `baseRegistry`: how the agent client image is built and where it is pushed."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from domain.image_reference import registry_of
from settings.base import HttpUrl, Section


def _requirement(value: str) -> str:
    if value.startswith("-") or "\n" in value or "://" in value:
        raise ValueError("is not a plain requirement; write for example dbt-postgres==1.10.0")
    return value


def _with_registry(value: str) -> str:
    if registry_of(value) is None:
        raise ValueError(f"names no registry; write docker.io/{value}, or put your registry's host before it")
    return value


Requirement = Annotated[str, StringConstraints(min_length=1), AfterValidator(_requirement)]
"""One pip requirement, preferably pinned: `dbt-postgres==1.10.0`."""

Repository = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$"),
    AfterValidator(_with_registry),
]
"""Image repository with its registry and without a tag: registry.example.com/data/astro-client."""

ImageReference = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9][^\s@]*(:[\w][\w.-]{0,127})(@sha256:[0-9a-f]{64})?$|^[^\s@]+@sha256:[0-9a-f]{64}$"
    ),
]
"""Image reference with a tag or a digest."""


class ImageRegistry(Section):
    """A container registry with a password, which is a separate secret key."""

    server: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+(:[0-9]+)?$")]
    """Host name, with its port if it is not the standard one."""
    username: Annotated[str, StringConstraints(min_length=1)]
    """User name."""


class Image(Section):
    """The image that agents run under both options: built here, and pushed to the registry."""

    repository: Repository
    """Image repository to push to, without a tag: the tag is computed from the content."""
    base: ImageReference
    """Astro agent image to build on, with its tag."""
    platform: Annotated[str, StringConstraints(pattern=r"^linux/[a-z0-9]+(/v[0-9]+)?$")] = "linux/amd64"
    """Platform of the cluster's nodes."""
    adapters: tuple[Requirement, ...] = ()
    """Packages for dbt's virtual environment, /home/astro/dbt_venv: dbt-core and its adapters."""
    packages: tuple[Requirement, ...] = ()
    """Packages for the agent's Python: astronomer-cosmos and Airflow providers."""
    constraints: HttpUrl | None = None
    """URL of a constraints file for `packages`, for example the one of the Airflow version."""
    system_packages: tuple[
        Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.+-]+(=[^\s]+)?$")], ...
    ] = ()
    """Debian packages to add."""
    cache: bool = True
    """Let an empty builder start from the layers of earlier images in the registry."""
    parse: bool = True
    """agent-image: run `dbt parse` at build time, so that agents start with a manifest."""
    dockerfile: str | None = None
    """Your own Dockerfile (relative to Pulumi.yaml) instead of the generated recipe; see docs/image.md."""
    ca_bundle: str | None = None
    """PEM file with extra certificate authorities, used only during the build."""
    package_index: HttpUrl | None = None
    """Package index instead of PyPI; one with credentials goes into the secret key `packageIndex` instead."""
    proxy: HttpUrl | None = None
    """Proxy for the build; one with credentials goes into the secret key `proxy` instead."""
    no_proxy: str | None = None
    """Hosts that the build reaches without the proxy, separated by commas."""
    engine: Annotated[str, StringConstraints(pattern=r"^(unix|tcp|ssh|npipe)://.+$")] | None = None
    """Docker engine for the build: unix://, tcp:// or ssh://; by default the one in DOCKER_HOST."""
