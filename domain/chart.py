"""Facts about the agents' chart by version, and the names of the Secrets in its values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from domain.merge import merge


def chart_release(version: str) -> tuple[int, int, int]:
    """Version of a chart as (major, minor, patch), without pre-release and build.

    >>> chart_release("2.3.3-rc.1")
    (2, 3, 3)
    """
    major, minor, patch = re.split(r"[-+]", version)[0].split(".")
    return int(major), int(minor), int(patch)


@dataclass(frozen=True, kw_only=True)
class ChartAddress:
    """Which chart."""

    repository: str
    """Chart repository, http(s):// or oci://."""
    name: str
    """Name of the chart."""
    version: str
    """Exact version."""

    @property
    def in_registry(self) -> bool:
        """Whether a container registry holds it."""
        return self.repository.startswith("oci://")


def has_sentinel(version: str) -> bool:
    """Whether this is chart 2.x or later: with a sentinel, one image for all, tolerations, and Pod operators."""
    return chart_release(version)[0] >= 2


@dataclass(frozen=True, kw_only=True)
class SecretNames:
    """Names of the Secrets that the chart reads; None: the value is not set."""

    image_pull: str
    """Logins of registries, `.dockerconfigjson`."""
    agent_token: str | None
    """The agent token, key `token`."""
    sentinel_auth: str | None
    """Secret of the sentinel, key `secret`; None for charts without a sentinel."""
    open_lineage: str | None
    """OpenLineage API key, key `api-key`."""


AGENT_TOKEN_KEY, SENTINEL_AUTH_KEY, OPEN_LINEAGE_KEY = "token", "secret", "api-key"
IMAGE_PULL_KEY = ".dockerconfigjson"
"""Keys that the chart reads in these Secrets."""


def with_secret_names(values: dict[str, Any], names: SecretNames, *, version: str) -> dict[str, Any]:
    """The chart's values with the names of its Secrets."""
    named: dict[str, Any] = {"imagePullSecretName": names.image_pull}
    if names.agent_token is not None:
        named["agentTokenSecretName"] = names.agent_token
    if names.sentinel_auth is not None and has_sentinel(version):
        named["sentinelAuthSecretName"] = names.sentinel_auth
    if names.open_lineage is not None:
        named["openLineage"] = {"apiKeySecret": names.open_lineage}
    return merge(values, named)
