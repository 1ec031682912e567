"""The example Dag file in every place it may stand, parsed and run by real Airflow and Cosmos."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.examples.conftest import Workspace
from tests.support.repositories import git

pytestmark = pytest.mark.airflow

CALLER = Path(__file__).with_name("call_dag_file.py")
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
    docs: dict[str, str]
    log: str


def parse(workspace: Workspace, **variables: str) -> Parsed:
    """Parse the workspace's Dag folder in a process of its own."""
    ended = workspace.airflow.run(
        [workspace.airflow.python, PARSER, workspace.dags], env=workspace.variables(**variables)
    )
    log = ended.stdout + ended.stderr
    assert ended.returncode == 0, log
    report = json.loads(ended.stdout.strip().splitlines()[-1])
    return Parsed(**report, log=log)


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


def checkout(workspace: Workspace) -> tuple[Path, list[str]]:
    """Make the workspace a Git checkout whose submodule is in place; return its folder and its two commits."""
    project = workspace.place_project(workspace.dags / "dbt" / "jaffle")
    commits = []
    git("init", "--quiet", cwd=project)
    for message in ("old", "new"):
        git("add", ".", cwd=project)
        git("commit", "--quiet", "--allow-empty", "-m", message, cwd=project)
        commits.append(git("rev-parse", "HEAD", cwd=project))
    git("init", "--quiet", cwd=workspace.dags)
    git("-c", "advice.addEmbeddedRepo=false", "add", ".", cwd=workspace.dags)
    return project, commits


def test_submodule_that_a_refresh_did_not_reach_is_told_and_still_runs(workspace: Workspace) -> None:
    project, (old, new) = checkout(workspace)
    told = f"The submodule {project} is at commit {old[:12]}, but this repository asks for {new[:12]}"
    assert "The submodule" not in parse(workspace).log
    git("checkout", "--quiet", old, cwd=project)
    parsed = parse(workspace)
    assert parsed.errors == {}
    assert parsed.dags == {"jaffle": TASKS}
    assert told in parsed.log
    assert told in parsed.docs["jaffle"]
    assert "The next refresh that can fetch it mends this" in parsed.docs["jaffle"]


def test_look_at_the_submodule_fails_nowhere_and_writes_nothing(workspace: Workspace) -> None:
    project, (old, _) = checkout(workspace)
    git("checkout", "--quiet", old, cwd=project)
    plain = workspace.place_project(workspace.root / "plain" / "jaffle")
    calls: list[tuple[Path, dict[str, str]]] = [
        (project, {}),
        (plain, {}),
        (project, {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}),
        (project, {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "0", "PATH": str(plain)}),
    ]
    index = workspace.dags / ".git" / "index"
    before = (index.read_bytes(), index.stat().st_mtime_ns)
    ended = workspace.airflow.run(
        [
            workspace.airflow.python, CALLER, workspace.dags / "dbt_dag.py", "older_than_pinned",
            json.dumps(calls, default=str),
        ],
        env=workspace.variables(**bake(workspace)),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    told, *others = json.loads(ended.stdout.strip().splitlines()[-1])
    assert told.startswith(f"The submodule {project} is at commit {old[:12]}, ")
    assert others == ["", "", ""]
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


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
