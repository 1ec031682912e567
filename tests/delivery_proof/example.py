"""The example Dag repository and dbt project in separate repositories, as a user would have them, and the image that runs them."""

from __future__ import annotations

import os
from typing import Any

from tests.delivery_proof.cases import Setup
from tests.support.stacks import ROOT

LEFT_OUT = {"target", "logs", "__pycache__"}
TASKS = {
    "city_revenue.run", "city_revenue.test", "city_revenue_equals_customer_orders_test",
    "customer_orders.run", "customer_orders.test", "daily_revenue.run", "daily_revenue.test",
    "raw_customers_seed", "raw_orders_seed",
    "relationships_stg_orders_customer_id__customer_id__ref_stg_customers__test",
    "stg_customers.run", "stg_customers.test", "stg_orders.run", "stg_orders.test",
}  # fmt: skip
QUERY = "select city, cast(revenue as varchar) from city_revenue order by city"
REVENUE = "[('Leeds', '7.60'), ('Lund', '20.00'), ('Uppsala', '15.60'), ('Utrecht', '41.90')]"
"""What the query returns after a run."""


def files(name: str) -> dict[str, str | None]:
    """Files of an example: path -> content."""
    root = ROOT / "examples" / name
    return {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file() and not LEFT_OUT & set(path.relative_to(root).parts) and path.suffix != ".duckdb"
    }


def fill(setup: Setup, **more: str) -> str:
    """Put the examples into the repositories of a case with the project `jaffle`; returns the Dag repository's commit.

    ``more`` are further files of the dbt project, by their name without `.yml`.
    """
    (project,) = setup.projects
    further = {f"{name}.yml": text for name, text in more.items()}
    project.commit = project.repository.commit({**files("dbt-project"), "models/first.sql": None, **further})
    return setup.dags.commit(files("dag-repo"), submodules={project.path: (project.url, project.commit)})


def recipe(*, provider: str = "1.0.1") -> dict[str, Any]:
    """Keys of `image`: dbt with DuckDB, Cosmos and this Git provider for the agents, and what a build needs of this machine's network."""
    found: dict[str, Any] = {
        "adapters": ["dbt-core==1.11.16", "dbt-duckdb==1.11.1"],
        "packages": ["astronomer-cosmos==1.15.1", f"apache-airflow-providers-git=={provider}"],
    }
    if bundle := os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE"):
        found["caBundle"] = bundle
    index = os.environ.get("PIP_INDEX_URL")
    if index and "@" not in index:
        found["packageIndex"] = index
    return found
