"""Fixtures: a copy of the examples, with real Airflow and real dbt."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from delivery.dag_environment import IMPORT_SECONDS
from tests.support.airflow_env import (
    PythonEnvironment,
    airflow_environment,
    database,
    dbt_environment,
)
from tests.support.warm_python import warm_python

__all__ = ["airflow_environment", "database", "dbt_environment"]

CALLER = Path(__file__).with_name("call_projects.py")
EXAMPLES = Path(__file__).parents[2] / "examples"


class Workspace:
    """A folder with the example Dag repository, and a dbt project where the test puts it."""

    def __init__(
        self,
        root: Path,
        *,
        airflow: PythonEnvironment,
        dbt: PythonEnvironment,
        python: Path,
        dbt_program: Path,
    ) -> None:
        self.root = root
        self.airflow = airflow
        self.dbt = dbt
        self.python = python
        self.dbt_program = dbt_program
        self.dags = root / "repository" / "dags"
        self.cache = root / "cache"
        self.database = root / "jaffle.duckdb"
        shutil.copytree(EXAMPLES / "dag-repo", root / "repository")

    def place_project(self, folder: Path) -> Path:
        """Copy the example dbt project to a folder, without what a dbt run left in it."""
        return Path(
            shutil.copytree(
                EXAMPLES / "dbt-project", folder, ignore=shutil.ignore_patterns("target", "logs", "*.duckdb")
            )
        )

    def counted_dbt(self, *, before: str = "") -> Path:
        """Return a dbt that writes a line for every call to `dbt-calls`, after running a line of shell."""
        program = self.root / "bin" / "dbt"
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f'#!/bin/sh\necho "$1" >> {self.root}/dbt-calls\n{before}\nexec {self.dbt_program} "$@"\n'
        )
        program.chmod(0o755)
        return program

    @property
    def dbt_calls(self) -> list[str]:
        """The commands that `counted_dbt` was called with."""
        calls = self.root / "dbt-calls"
        return calls.read_text().split() if calls.exists() else []

    def asked(
        self, *calls: Mapping[str, Any], prefix: Sequence[str | Path] = (), **variables: str
    ) -> list[dict[str, Any]]:
        """Ask the helper module in one process of Airflow's Python, which ``prefix`` starts; see call_projects.py."""
        full = [{"name": "jaffle", "file": self.dags / "jaffle_dag.py", **call} for call in calls]
        python = [*prefix, self.airflow.python] if prefix else [self.python]
        command = [*python, CALLER, self.dags, json.dumps(full, default=str)]
        ended = self.airflow.run(command, env=self.variables(**variables))
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return list(json.loads(ended.stdout.strip().splitlines()[-1]))

    def variables(self, **extra: str) -> dict[str, str]:
        """Return the variables for Airflow and dbt in this workspace."""
        return {
            "AIRFLOW_HOME": str(self.root / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            # As on the agents: the first parse runs dbt, which takes longer than Airflow's 30 s on a loaded machine.
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": str(IMPORT_SECONDS),
            "AIRFLOW__COSMOS__CACHE_DIR": str(self.root / "cosmos"),
            "AIRFLOW__COSMOS__ENABLE_CACHE_DBT_LS": "False",
            "ASTRO_DBT_CACHE": str(self.cache),
            "ASTRO_DBT_EXECUTABLE": str(self.dbt_program),
            "JAFFLE_DUCKDB_PATH": str(self.database),
            **extra,
        }

    def test_dag(self, dag: str, database: Path, **variables: str) -> None:
        """`airflow dags test`, which must succeed, with a copy of a migrated database."""
        home = self.root / "airflow"
        home.mkdir()
        shutil.copy(database, home)
        command: list[str | Path] = [self.airflow.program("airflow"), "dags", "test", dag]
        ended = self.airflow.run(command, env=self.variables(**variables), seconds=600)
        assert ended.returncode == 0, (ended.stdout + ended.stderr)[-4000:]

    def run_dbt(self, project: Path, *words: str) -> tuple[int, str]:
        """Run dbt in a project; return its exit code and all it printed."""
        command: list[str | Path] = [self.dbt_program, *words, "--profiles-dir", "."]
        ended = self.dbt.run(command, env=self.variables(), cwd=project)
        return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture(scope="session")
def dbt_program(
    dbt_environment: PythonEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Real dbt that has imported what it needs; see tests/support/warm_python.py."""
    with warm_python(dbt_environment.python, "dbt", tmp_path_factory.mktemp("dbt")) as program:
        yield program


@pytest.fixture(scope="session")
def airflow_python(
    airflow_environment: PythonEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Airflow's Python for files, with what Airflow and Cosmos need imported; see tests/support/warm_python.py."""
    with warm_python(airflow_environment.python, "airflow", tmp_path_factory.mktemp("airflow")) as program:
        yield program


@pytest.fixture
def workspace(
    tmp_path: Path,
    airflow_environment: PythonEnvironment,
    dbt_environment: PythonEnvironment,
    airflow_python: Path,
    dbt_program: Path,
) -> Workspace:
    """Return a fresh workspace without a dbt project."""
    return Workspace(
        tmp_path,
        airflow=airflow_environment,
        dbt=dbt_environment,
        python=airflow_python,
        dbt_program=dbt_program,
    )
