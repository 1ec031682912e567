"""`image`, `registry`, `baseRegistry`: how the agent client image is built and where it is pushed."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from domain.image_reference import HUB, HUB_HOSTS, registry_of
from settings.base import HttpUrl, Section


def _requirement(value: str) -> str:
    if value.startswith("-") or "\n" in value or "://" in value:
        raise ValueError("is not a plain requirement; write for example dbt-postgres==1.10.0")
    return value


def _without_scheme(value: str) -> str:
    return re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://", "", value)


def _port_exists(host: str) -> None:
    port = host.partition(":")[2]
    if port.isascii() and port.isdigit() and not 0 < int(port[:6]) < 65536:
        raise ValueError(f"has the port {port}, which does not exist; write one up to 65535, or none")


def _image_repository(value: Any) -> Any:
    """Name what keeps a repository from being one, where a pattern would say only that it does not match."""
    if not isinstance(value, str) or not value.strip("/"):
        return value
    plain = _without_scheme(value).rstrip("/")
    name = plain.partition("@")[0]
    head, slash, last = name.rpartition("/")
    if slash:
        name = f"{head}/{last.partition(':')[0]}"
    if plain != value:
        raise ValueError(f"is not the plain name of a repository; write {name.lower()}")
    if name != value:
        raise ValueError(f"contains a tag or a digest, which are computed from the content; write {name}")
    if name != name.lower():
        raise ValueError(f"contains capital letters, which image names may not have; write {name.lower()}")
    host = registry_of(name)
    if (host in HUB_HOSTS and name.count("/") == 1) or (host is None and "/" not in name):
        account = f"docker.io/<account>/{name.rpartition('/')[2]}"
        other = "" if host else ", or put your registry's host before it"
        raise ValueError(
            f"names no {'account of Docker Hub' if host else 'registry'}; write {account}{other}"
        )
    if host is None:
        raise ValueError(f"names no registry; write docker.io/{value}, or put your registry's host before it")
    _port_exists(host)
    return value


def _server(value: Any) -> Any:
    """Name what keeps a registry's host from being one."""
    if not isinstance(value, str):
        return value
    host = _without_scheme(value).partition("/")[0].rpartition("@")[2].lower()
    if host in HUB_HOSTS - {HUB}:
        raise ValueError(f"is another name of Docker Hub; write {HUB}, as in the names of its images")
    if host != value and host:
        raise ValueError(f"is not a plain host name; write {host}")
    _port_exists(host)
    return value


def _image_reference(value: Any) -> Any:
    if isinstance(value, str) and value and "@" not in value and ":" not in value.rpartition("/")[2]:
        raise ValueError(f"has neither a tag nor a digest; write {value}:<tag>")
    return value


Requirement = Annotated[str, StringConstraints(min_length=1), AfterValidator(_requirement)]
"""One pip requirement, preferably pinned: `dbt-postgres==1.10.0`."""

Repository = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$"),
    BeforeValidator(_image_repository),
]
"""Image repository with its registry and without a tag: registry.example.com/data/astro-client."""

ImageReference = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9][^\s@]*(:[\w][\w.-]{0,127})(@sha256:[0-9a-f]{64})?$|^[^\s@]+@sha256:[0-9a-f]{64}$"
    ),
    BeforeValidator(_image_reference),
]
"""Image reference with a tag or a digest."""


class ImageRegistry(Section):
    """A container registry with a password, which is a separate secret key."""

    server: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+(:[0-9]+)?$"), BeforeValidator(_server)]
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
