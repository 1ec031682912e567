"""Several bundles of one stack in Airflow's own bundle manager: private repositories with one token, and a folder."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import delivery
from delivery.connection_data import created_secret
from delivery.git_access import secret_name
from delivery.plan import Plan
from domain.names import CONFIG_MOUNT
from settings.stack import Settings
from tests.support.airflow_env import PythonEnvironment
from tests.support.git_server import GitServer, serve
from tests.support.repositories import Repository
from tests.support.stacks import settings_of, stack
from trial.proof import DRIVER

pytestmark = pytest.mark.airflow

TOKEN = "canary-several-bundles"
DAG = """from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG(dag_id="{name}", schedule=None):
    EmptyOperator(task_id="nothing")
"""


def settings(server: GitServer, folder: Path) -> Settings:
    """A stack with two private Git bundles, of which the second starts at the root, and a bundle of another class."""
    return settings_of(
        stack(
            dags=[
                {"name": "sales", "repo": server.url("a/sales.git"), "subdir": "dags", "connection": "git"},
                {
                    "name": "finance",
                    "repo": server.url("b/finance.git"),
                    "connection": "git",
                    "arguments": {"sparse_dirs": ["kept"], "prune_dotgit_folder": False},
                },
                {
                    "name": "local",
                    "class": "airflow.dag_processing.bundles.local.LocalDagBundle",
                    "arguments": {"path": str(folder)},
                },
            ],
            dbtProjects=[{"name": "jaffle", "path": "dags/jaffle", "bundle": "sales", "submodule": False}],
            connections={"git": {"type": "https", "login": "robot", "caBundle": str(server.authority)}},
            credentials={"git": {"password": TOKEN}},
        )
    )


def variables(found: Settings, plan: Plan, files: Path) -> dict[str, str]:
    """What the plan gives the agents, with the Secret's content and the files at a place of this machine."""
    files.mkdir()
    for name, content in plan.config_files.items():
        (files / name).write_text(content)
    data = {secret_name(found, "git"): created_secret(found, "git")}
    texts = {
        item.name: item.value if isinstance(item.value, str) else data[item.value.secret][item.value.key]
        for item in plan.environment
    }
    return {name: text.replace(f"{CONFIG_MOUNT}/config", str(files)) for name, text in texts.items()}


def test_each_bundle_is_fetched_with_its_own_arguments(
    tmp_path: Path, airflow_environment: PythonEnvironment
) -> None:
    server = serve(tmp_path / "server")
    for path, files in (
        ("a/sales.git", {"dags/sales.py": DAG.format(name="sales")}),
        ("b/finance.git", {"kept/finance.py": DAG.format(name="finance"), "left/out.py": "x = 1\n"}),
    ):
        Repository(server.root / path).commit(dict(files))
        server.grants[path] = [("robot", TOKEN)]
    local = tmp_path / "local"
    local.mkdir()
    (local / "local.py").write_text(DAG.format(name="local"))
    found = settings(server, local)
    plan = delivery.plan(found, authorities={"git": server.authority.read_text()})
    storage = tmp_path / "bundles"
    environment = airflow_environment.variables(
        {
            **variables(found, plan, tmp_path / "config"),
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": plan.bundle_config_list(),
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(storage),
        }
    )
    names = ("sales", "finance", "local")
    requests: list[dict[str, Any]] = [
        {"do": operation, "bundle_name": name} for name in names for operation in ("initialise", "parse")
    ]
    ended = subprocess.run(
        [airflow_environment.python, DRIVER],
        env=environment,
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    answers = [json.loads(line) for line in ended.stdout.splitlines()][1:]
    assert [answer for answer in answers if not answer["ok"]] == [], ended.stderr[-3000:]
    assert [answer["dags"] for answer in answers[1::2]] == [{name: ["nothing"]} for name in names]
    checkout = storage / "finance" / "tracking_repo"
    assert sorted(path.name for path in checkout.iterdir() if path.name != ".git") == ["kept"]
    assert TOKEN not in ended.stderr
    written = [path for path in storage.rglob("*") if path.is_file()]
    assert not [path for path in written if TOKEN.encode() in path.read_bytes()]
