"""Time to parse a Dag with the helper's manifest, with `dbt ls` and with a baked manifest: `python -m bench.dag_parse`.

Real Airflow, Cosmos and dbt, in new processes like those of a Dag processor and a task. All alternatives of one round run
one after another; ratios are of the medians. Seconds are CPU time, including dbt's, which depends less on the machine's
load.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.airflow_env import PythonEnvironment, kept_environment

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
RUNNER = Path(__file__).with_name("parse_once.py")
CHAINS = 10

PLAIN_DAG = '''"""The project as Cosmos parses it by itself in Airflow: `dbt ls`."""

import os
from datetime import datetime
from pathlib import Path

from cosmos import DbtDag, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import InvocationMode, LoadMode

folder = Path(__file__).parent / "dbt" / "jaffle"
dbt = {"dbt_executable_path": os.environ["ASTRO_DBT_EXECUTABLE"], "invocation_mode": InvocationMode.SUBPROCESS}

dag = DbtDag(
    dag_id="plain",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    project_config=ProjectConfig(dbt_project_path=folder, project_name="jaffle", install_dbt_deps=False),
    profile_config=ProfileConfig(
        profile_name="jaffle", target_name="dev", profiles_yml_filepath=folder / "profiles.yml"
    ),
    render_config=RenderConfig(
        load_method=LoadMode.DBT_LS, should_detach_multiple_parents_tests=True, **dbt
    ),
    execution_config=ExecutionConfig(**dbt),
)
'''

GOALS = (
    ("first parse in a Pod / dbt ls there", "kept, first", "dbt ls, first", 1.2),
    ("first parse of a commit / dbt ls after it", "kept, new commit", "dbt ls, new commit", 1.2),
    ("later parse / baked manifest", "kept, later", "baked", 1.2),
    ("task start / task start with a baked manifest", "kept, later: process", "baked: process", 1.2),
    ("later parse / dbt ls", "kept, later", "dbt ls, first", 1 / 8),
    ("later parse / dbt ls with its partial parse", "kept, later", "dbt ls, later", None),
    ("baked manifest / dbt ls with its partial parse", "baked", "dbt ls, later", None),
)
"""Name, what is measured, what it is compared with, and the maximum ratio.

There is no goal for a warm `dbt ls`: what remains is the time for Cosmos to build operators, even with a baked manifest.
"""


@dataclass
class Case:
    """One project in three Dag folders: with the helper, with plain Cosmos, and with a baked manifest."""

    root: Path
    airflow: PythonEnvironment
    dbt: PythonEnvironment
    models: int

    def __post_init__(self) -> None:
        example = EXAMPLES / "dag-repo" / "dags"
        for way in ("kept", "plain", "baked"):
            dags = self.root / way / "dags"
            shutil.copytree(example, dags)
            if way == "plain":
                (dags / "jaffle_dag.py").unlink()
                (dags / "plain_dag.py").write_text(PLAIN_DAG)
            if way != "baked":
                write_project(dags / "dbt" / "jaffle", self.models)
        image = write_project(self.root / "image" / "jaffle", self.models)
        program = ROOT / "delivery" / "in_image" / "create_manifest.py"
        ended = self.dbt.run(
            [self.dbt.python, program, self.dbt.program("dbt")], env=self._variables(), cwd=image
        )
        if ended.returncode:
            raise SystemExit(f"error: dbt cannot parse the generated project: {ended.stdout[-2000:]}")

    def _variables(self) -> dict[str, str]:
        return {
            "AIRFLOW_HOME": str(self.root / "airflow"),
            "AIRFLOW__COSMOS__CACHE_DIR": str(self.root / "cosmos"),
            "AIRFLOW__COSMOS__ENABLE_CACHE_DBT_LS": "False",
            "AIRFLOW__COSMOS__ENABLE_CACHE_DBT_YAML_SELECTORS": "False",
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
            "ASTRO_DBT_CACHE": str(self.root / "cache"),
            "ASTRO_DBT_EXECUTABLE": str(self.dbt.program("dbt")),
            "JAFFLE_DUCKDB_PATH": str(self.root / "jaffle.duckdb"),
        }

    def forget(self) -> None:
        """Remove what a new Pod would not have."""
        shutil.rmtree(self.root / "cache", ignore_errors=True)
        self.forget_dbt_ls()

    def forget_dbt_ls(self) -> None:
        """Remove what Cosmos keeps of an earlier `dbt ls`."""
        shutil.rmtree(self.root / "cosmos", ignore_errors=True)

    def commit(self, number: int) -> None:
        """Change one model, in both checkouts."""
        for way in ("kept", "plain"):
            model = self.root / way / "dags" / "dbt" / "jaffle" / "models" / "model_0.sql"
            model.write_text(f"select {number} as id\n")

    def parse(self, way: str, variables: Mapping[str, str] | None = None) -> tuple[float, float]:
        """Parse in a new process; return the CPU seconds of the parse and of the whole process."""
        started = sum(os.times()[2:4])
        ended = self.airflow.run(
            [self.airflow.python, RUNNER, self.root / way / "dags"],
            env={**self._variables(), **(variables or {})},
        )
        seconds = sum(os.times()[2:4]) - started
        if ended.returncode:
            raise SystemExit(f"error: {way} does not parse: {(ended.stdout + ended.stderr)[-2000:]}")
        report = json.loads(ended.stdout.strip().splitlines()[-1])
        if report["tasks"] < 2 * self.models:
            raise SystemExit(f"error: {way} has only {report['tasks']} tasks")
        return report["seconds"], seconds

    def round(self, number: int) -> Iterator[tuple[str, float]]:
        """Measure every alternative once."""
        image = json.dumps({"jaffle": {"image": str(self.root / "image" / "jaffle")}})
        self.forget()
        steps = [("kept", "kept, first"), ("plain", "dbt ls, first"), ("", "")]
        steps += [("kept", "kept, new commit"), ("plain", "dbt ls, new commit")]
        steps += [("kept", "kept, later"), ("baked", "baked"), ("plain", "dbt ls, later")]
        for way, name in steps:
            if not way:
                self.commit(number)
                continue
            parse, process = self.parse(way, {"ASTRO_DBT_PROJECTS": image} if way == "baked" else {})
            yield name, parse
            yield f"{name}: process", process


def write_project(folder: Path, models: int) -> Path:
    """Write a project with this number of models, in chains, each with two tests; return its folder."""
    example = EXAMPLES / "dbt-project"
    (folder / "models").mkdir(parents=True)
    shutil.copy(example / "profiles.yml", folder)
    (folder / "dbt_project.yml").write_text(
        "name: jaffle\nversion: '1.0.0'\nconfig-version: 2\nprofile: jaffle\nmodels:\n  +materialized: table\n"
    )
    listed = ["version: 2", "models:"]
    for number in range(models):
        source = f"{{{{ ref('model_{number - CHAINS}') }}}}" if number >= CHAINS else "(select 1 as id)"
        (folder / "models" / f"model_{number}.sql").write_text(f"select id from {source}\n")  # noqa: S608 - no database
        listed += [
            f"  - name: model_{number}",
            f"    description: Model {number}",
            "    columns: [{name: id, data_tests: [unique, not_null]}]",
        ]
    (folder / "models" / "schema.yml").write_text("\n".join(listed) + "\n")
    return folder


def measure(case: Case, rounds: int) -> bool:
    """Measure, print, and return whether all goals are met."""
    seen: dict[str, list[float]] = {}
    for number in range(rounds):
        for name, seconds in case.round(number):
            seen.setdefault(name, []).append(seconds)
    print(f"{case.models} models, {rounds} rounds", flush=True)
    for name, values in seen.items():
        if not name.endswith(": process"):
            print(f"  {name:22} {statistics.median(values):6.2f} s ({min(values):.2f}-{max(values):.2f})")
    met = True
    for title, what, against, goal in GOALS:
        ratio = statistics.median(seen[what]) / statistics.median(seen[against])
        verdict = "" if goal is None else f"  goal {goal:.3f}  {'met' if ratio <= goal else 'MISSED'}"
        met &= goal is None or ratio <= goal
        print(f"  {title:47} {ratio:5.3f}{verdict}")
    return met


def main() -> int:
    """Measure and print; exit code 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, nargs="+", default=[5, 300])
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median is used")
    options = parser.parse_args()
    airflow, dbt = kept_environment("airflow"), kept_environment("dbt")
    met = True
    for models in options.models:
        with tempfile.TemporaryDirectory(prefix="astro-dbt-bench-") as folder:
            met &= measure(Case(Path(folder), airflow, dbt, models), options.rounds)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
