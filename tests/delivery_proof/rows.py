"""What the example's models hold after a run."""

from __future__ import annotations

from tests.support.agent_process import Pod
from tests.support.airflow_env import PythonEnvironment

QUERY = "select city, cast(revenue as varchar) from city_revenue order by city"
REVENUE = "[('Leeds', '7.60'), ('Lund', '20.00'), ('Uppsala', '15.60'), ('Utrecht', '41.90')]"
DATABASE = "/tmp/jaffle.duckdb"
_ASK = (
    "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchall())"
)


def rows(dbt: PythonEnvironment, pod: Pod, query: str) -> str:
    """Rows of a query on the database that a Pod's run wrote."""
    ended = dbt.run([dbt.python, "-c", _ASK, pod.on_machine(DATABASE), query], env={})
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()
