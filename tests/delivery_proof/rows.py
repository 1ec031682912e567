"""What models hold after a run."""

from __future__ import annotations

from collections.abc import Iterable

from tests.support.agent_process import Pod
from tests.support.airflow_env import PythonEnvironment

QUERY = "select city, cast(revenue as varchar) from city_revenue order by city"
"""Of the example."""
REVENUE = "[('Leeds', '7.60'), ('Lund', '20.00'), ('Uppsala', '15.60'), ('Utrecht', '41.90')]"
_ASK = (
    "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchall())"
)


def ids(models: Iterable[str]) -> str:
    """A query of the one row of each of these models."""
    selects = [f"select '{model}' as model, id from {model}" for model in models]  # noqa: S608 - our own names
    return " union all ".join(selects) + " order by model"


def rows(dbt: PythonEnvironment, pod: Pod, query: str, *, project: str = "jaffle") -> str:
    """Rows of a query on the database that a Pod's run of a dbt project wrote."""
    database = pod.on_machine(f"/tmp/{project}.duckdb")
    ended = dbt.run([dbt.python, "-c", _ASK, database, query], env={})
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()
