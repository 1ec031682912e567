"""The stack's `image` section with which the example runs."""

from __future__ import annotations

import os
from typing import Any

COSMOS = "astronomer-cosmos==1.15.1"
DBT = ["dbt-core==1.11.16", "dbt-duckdb==1.11.1"]


def recipe(*, provider: str = "1.0.1", packages: tuple[str, ...] = (COSMOS,)) -> dict[str, Any]:
    """Keys of `image`: dbt with DuckDB, these packages and this Git provider for the agents, and this machine's network."""
    pinned = [*packages, f"apache-airflow-providers-git=={provider}"]
    return {"adapters": list(DBT), "packages": pinned, **network_of_this_machine()}


def network_of_this_machine() -> dict[str, Any]:
    """A build needs the certificate authorities and the package index that this machine needs."""
    found = {}
    bundle = next((os.environ[name] for name in ("PIP_CERT", "SSL_CERT_FILE") if os.environ.get(name)), None)
    if bundle:
        found["caBundle"] = bundle
    index = os.environ.get("PIP_INDEX_URL")
    if index and "@" not in index:
        found["packageIndex"] = index
    return found
