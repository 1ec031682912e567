"""Several bundles of one stack in Airflow's own bundle manager: private repositories with a token or deploy keys, and a folder."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import delivery
from delivery.connection_data import created_secret
from delivery.git_access import secret_name
from delivery.plan import Plan
from domain.names import CONFIG_MOUNT, SEEN_HOST_KEYS
from settings.stack import Settings
from tests.support.airflow_env import PythonEnvironment
from tests.support.git_server import GitServer, serve
from tests.support.repositories import Repository
from tests.support.ssh_server import SshServer, ssh_server
from tests.support.stacks import settings_of, stack
from trial.proof import DRIVER

pytestmark = pytest.mark.airflow

TOKEN = "canary-several-bundles"
DAG = """from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG(dag_id="{name}", schedule=None):
    EmptyOperator(task_id="nothing")
"""


def settings(server: GitServer, ssh: SshServer, folder: Path) -> Settings:
    """Two private Git bundles with one token, two over SSH with one key, one with another, and one of another class."""
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
                {"name": "ops", "repo": ssh.url("c/ops.git"), "connection": "deploy"},
                {"name": "risk", "repo": ssh.url("d/risk.git"), "connection": "deploy"},
                {"name": "audit", "repo": ssh.url("e/audit.git"), "connection": "audit"},
                {
                    "name": "local",
                    "class": "airflow.dag_processing.bundles.local.LocalDagBundle",
                    "arguments": {"path": str(folder)},
                },
            ],
            dbtProjects=[{"name": "jaffle", "path": "dags/jaffle", "bundle": "sales", "submodule": False}],
            connections={
                "git": {"type": "https", "login": "robot", "caBundle": str(server.authority)},
                "deploy": {"type": "ssh", "knownHosts": ssh.known_hosts},
                "audit": {"type": "ssh"},
            },
            credentials={
                "git": {"password": TOKEN},
                "deploy": {"privateKey": ssh.key("c/ops.git", "d/risk.git")},
                "audit": {"privateKey": ssh.key("e/audit.git")},
            },
        )
    )


def variables(found: Settings, plan: Plan, files: Path) -> dict[str, str]:
    """What the plan gives the agents, with the Secrets' content and all files at a place of this machine."""
    data = {secret_name(found, name): created_secret(found, name) for name in found.connections}
    for mount in plan.mounts:
        folder = Path(mount.path.replace(CONFIG_MOUNT, str(files)))
        folder.mkdir(parents=True)
        for name, content in (data[mount.secret] if mount.secret else plan.config_files).items():
            file = folder / name
            file.write_text(
                content.replace(CONFIG_MOUNT, str(files)).replace(SEEN_HOST_KEYS, str(files / "seen"))
            )
            file.chmod(0o600)
    texts = {
        item.name: item.value if isinstance(item.value, str) else data[item.value.secret][item.value.key]
        for item in plan.environment
    }
    return {name: text.replace(CONFIG_MOUNT, str(files)) for name, text in texts.items()}


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[SshServer]:
    """Three Dag repositories over SSH."""
    root = tmp_path / "ssh-repositories"
    for path in ("c/ops.git", "d/risk.git", "e/audit.git"):
        name = Path(path).stem
        Repository(root / path).commit({f"{name}.py": DAG.format(name=name)})
    with ssh_server(root) as server:
        yield server


def test_each_bundle_is_fetched_with_its_own_arguments_and_credentials(
    tmp_path: Path, airflow_environment: PythonEnvironment, ssh: SshServer
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
    found = settings(server, ssh, local)
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
    names = ("sales", "finance", "ops", "risk", "audit", "local")
    requests: list[dict[str, Any]] = [
        {"do": operation, "bundle_name": name}
        for name in names
        for operation in ("initialise", "refresh", "parse")
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
    assert [answer["dags"] for answer in answers[2::3]] == [{name: ["nothing"]} for name in names]
    checkout = storage / "finance" / "tracking_repo"
    assert sorted(path.name for path in checkout.iterdir() if path.name != ".git") == ["kept"]
    # A line of a private key is enough to know it by.
    secrets = [TOKEN, *(str(found.private_key_of(name)).splitlines()[2] for name in ("deploy", "audit"))]
    written = [path for path in storage.rglob("*") if path.is_file()]
    for secret in secrets:
        assert secret not in ended.stderr
        assert not [path for path in written if secret.encode() in path.read_bytes()]
