"""The example Dag file in every place it may stand, parsed and run by real Airflow and Cosmos."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.examples.conftest import Workspace

pytestmark = pytest.mark.airflow

PARSER = Path(__file__).with_name("parse_dags.py")
TASKS = [
    "city_revenue.run", "city_revenue.test", "city_revenue_equals_customer_orders_test",
    "customer_orders.run", "customer_orders.test", "daily_revenue.run", "daily_revenue.test",
    "raw_customers_seed", "raw_orders_seed",
    "relationships_stg_orders_customer_id__customer_id__ref_stg_customers__test",
    "stg_customers.run", "stg_customers.test", "stg_orders.run", "stg_orders.test",
]  # fmt: skip


@dataclass(frozen=True)
class Parsed:
    """What the Dag processor made of a Dag folder."""

    errors: dict[str, str]
    dags: dict[str, list[str]]
    log: str


def parse(workspace: Workspace, **variables: str) -> Parsed:
    """Parse the workspace's Dag folder in a process of its own."""
    ended = workspace.airflow.run(
        [workspace.airflow.python, PARSER, workspace.dags], env=workspace.variables(**variables)
    )
    log = ended.stdout + ended.stderr
    assert ended.returncode == 0, log
    report = json.loads(ended.stdout.strip().splitlines()[-1])
    return Parsed(errors=report["errors"], dags=report["dags"], log=log)


def bake(workspace: Workspace) -> dict[str, str]:
    """Lay the project out as in an agent image, manifest included; return the variable that says so."""
    project = workspace.place_project(workspace.root / "image" / "jaffle")
    code, said = workspace.run_dbt(project, "parse")
    assert code == 0, said
    return {"ASTRO_DBT_PROJECTS": str(project.parent)}


def test_baked_project_is_parsed_from_its_manifest_without_dbt(workspace: Workspace) -> None:
    nowhere = str(workspace.root / "no-dbt-here")
    parsed = parse(workspace, **bake(workspace), ASTRO_DBT_EXECUTABLE=nowhere)
    assert parsed.errors == {}
    assert parsed.dags == {"jaffle": TASKS}
    assert "LoadMode.DBT_MANIFEST" in parsed.log
    assert "dbt ls" not in parsed.log


def test_submodule_beside_the_dag_is_parsed_by_dbt_ls(workspace: Workspace) -> None:
    workspace.place_project(workspace.dags / "dbt" / "jaffle")
    parsed = parse(workspace)
    assert parsed.errors == {}
    assert parsed.dags == {"jaffle": TASKS}
    assert "LoadMode.DBT_LS" in parsed.log


def test_baked_project_wins_over_a_submodule_that_was_not_fetched(workspace: Workspace) -> None:
    (workspace.dags / "dbt" / "jaffle").mkdir(parents=True)
    assert parse(workspace, **bake(workspace)).dags == {"jaffle": TASKS}


def test_no_airflow_variable_is_needed_to_parse(workspace: Workspace) -> None:
    """The first parse would write the Variable and the second read it; there is not even a database."""
    workspace.place_project(workspace.dags / "dbt" / "jaffle")
    for _ in range(2):
        parsed = parse(
            workspace, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{workspace.root}/none/airflow.db"
        )
        assert parsed.errors == {}
        assert "Trying to parse the dbt project in" in parsed.log


def test_empty_submodule_folder_gives_one_clear_sentence(workspace: Workspace) -> None:
    (workspace.dags / "dbt" / "jaffle").mkdir(parents=True)
    parsed = parse(workspace)
    assert parsed.dags == {}
    last = parsed.errors["dbt_dag.py"].strip().splitlines()[-1]
    assert last.startswith(f"FileNotFoundError: No dbt project in {workspace.dags / 'dbt' / 'jaffle'}: ")
    assert "`submodules` to true" in last
    assert "restart the Pod" in last


def test_image_without_the_project_says_so(workspace: Workspace) -> None:
    workspace.place_project(workspace.dags / "dbt" / "jaffle")
    last = (
        parse(workspace, ASTRO_DBT_PROJECTS=str(workspace.root / "image"))
        .errors["dbt_dag.py"]
        .splitlines()[-1]
    )
    assert "ASTRO_DBT_PROJECTS" in last
    assert "build the image" in last


def test_dag_runs_to_success(workspace: Workspace) -> None:
    variables = workspace.variables(**bake(workspace))
    airflow = workspace.airflow.program("airflow")
    migrated = workspace.airflow.run([airflow, "db", "migrate"], env=variables)
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    ended = workspace.airflow.run([airflow, "dags", "test", "jaffle"], env=variables, seconds=600)
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-4000:]
    assert workspace.query("select count(*) from customer_orders") == "[(5,)]"
