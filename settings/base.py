"""Building blocks of the settings: the frozen section and the value types that several sections share."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from domain.address import RepositoryAddress


class Section(BaseModel):
    """A part of the stack's configuration: immutable, extra keys forbidden, camelCase in YAML."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )


def _repository_url(value: str) -> str:
    address = RepositoryAddress.parse(value)
    if address.carries_credentials:
        raise ValueError(
            "contains credentials; remove them and set them with "
            "`pulumi config set --secret --path 'credentials.<connection>.password'`"
        )
    if address.user and not address.fetched_over_ssh:
        raise ValueError(f"contains a user; write it without {address.user}@: {address.without_user()}")
    if address.scheme == "http":
        raise ValueError(f"is not encrypted; write https://{address.authority}/{address.path}")
    return value


def _relative_path(value: str) -> str:
    cleaned = value.strip("/")
    parts = cleaned.split("/")
    if value.startswith("/") or not cleaned or any(part in {"", ".", ".."} for part in parts):
        raise ValueError(
            "is not a path inside the repository; write it relative to the root, for example dags/dbt/sales"
        )
    return cleaned


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(
            "has a host or a port that cannot be read; write for example https://host.example.com:8443/path"
        ) from None
    if port == 0:
        raise ValueError("has the port 0, which does not exist; write one up to 65535, or none")
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("is not an http(s) URL; write for example https://host.example.com/path")
    if parts.username or parts.password:
        raise ValueError("contains credentials; remove them, because secrets have separate keys")
    return value


RepositoryUrl = Annotated[str, AfterValidator(_repository_url)]
"""Absolute clone URL: https://…, ssh://… or user@host:path; never with a password."""

RelativePath = Annotated[str, AfterValidator(_relative_path)]
"""Path inside a repository, without leading slash and without `..`."""

HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""http(s) URL without credentials."""

DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
"""Kubernetes name that is a DNS label (RFC 1123): at most 63 lowercase letters, digits and dashes."""

DnsSubdomain = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", min_length=1, max_length=253)
]
"""Kubernetes name that is a DNS subdomain (RFC 1123), at most 253 characters."""

EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""Name of an environment variable."""


def _quantity(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Quantity = Annotated[
    str,
    BeforeValidator(_quantity),
    StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$"),
]
"""Kubernetes resource quantity: `500m`, `2`, `4Gi`."""

Seconds = Annotated[int, Field(ge=1)]
"""Duration in whole seconds."""


class SecretKeyRef(Section):
    """A key of an existing Kubernetes Secret in the agents' namespace."""

    secret: DnsSubdomain
    """Name of the Secret."""
    key: Annotated[str, StringConstraints(pattern=r"^[-._a-zA-Z0-9]+$")]
    """Key inside the Secret."""
