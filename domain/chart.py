"""Facts about the agents' chart by version, and the names of the Secrets in its values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from domain.merge import merge

CHART_REPOSITORY, CHART_NAME = "https://helm.astronomer.io", "astro-remote-execution-agent"
"""Where the vendor publishes the agents' chart, and its name."""
DEFAULT_NAME = "astro-agent"
"""Name of the release, and prefix of its objects, where nothing else is written; also the chart's own default prefix."""

_PARTS = {
    "workers": "worker",
    "dagProcessor": "dag-processor",
    "triggerer": "triggerer",
    "sentinel": "sentinel",
}
"""Key of the chart -> label `component` of its Pods, which is also a part of its objects' names."""


COMPONENTS = tuple(_PARTS)
"""Keys of the chart's components; `workers` is a list."""


def component_label(kind: str) -> str:
    """Label `component` of a component's Pods, by its key in the chart. Raises KeyError."""
    return _PARTS[kind]


def object_name(prefix: str, kind: str, worker: str = "") -> str:
    """Name of a component's Deployment and service account; ``worker`` is the worker's name. Raises KeyError.

    >>> object_name("astro-agent", "dagProcessor"), object_name("astro-agent", "workers", "small")
    ('astro-agent-dag-processor', 'astro-agent-worker-small')
    """
    return "-".join(part for part in (prefix, component_label(kind), worker) if part)


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
IMAGE_PULL_TYPE = "kubernetes.io/dockerconfigjson"
"""Type of the Secret with the logins of registries."""
AGENT_TOKEN, SENTINEL_AUTH, OPEN_LINEAGE, IMAGE_PULL = (
    "agent-token",
    "sentinel-auth",
    "openlineage",
    "image-pull",
)
"""What those Secrets are called that a stack creates for the chart."""


def secret_name(prefix: str, name: str) -> str:
    """Name in the cluster of a Secret that a stack creates for the chart.

    >>> secret_name("astro-agent", AGENT_TOKEN)
    'astro-agent-agent-token'
    """
    return f"{prefix}-{name}"


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
