"""A bundle of another class in Airflow's own bundle manager: its Dags are in a bucket, and reach it with an Airflow connection."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import delivery
from delivery.chart_values import chart_values
from settings.stack import Settings
from tests.support import s3_server
from tests.support.airflow_env import PythonEnvironment, modules
from tests.support.processes import running
from tests.support.stacks import settings_of, stack
from trial.proof import DRIVER

pytestmark = pytest.mark.airflow

KEY = "canary-bucket-key"
DAG = """from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from names import OWNER

with DAG(dag_id="{name}", schedule=None, default_args={{"owner": OWNER}}):
    EmptyOperator(task_id="{task}")
"""


def settings() -> Settings:
    """Dags in a bucket, and the dbt project in the image."""
    bundle = {
        "name": "bucket",
        "class": "airflow.providers.amazon.aws.bundles.s3.S3DagBundle",
        "arguments": {"aws_conn_id": "store", "bucket_name": s3_server.BUCKET, "prefix": "dags"},
    }
    agent = {
        **stack()["agent"],
        "env": {"AIRFLOW_CONN_STORE": {"secret": "object-store", "key": "connection"}},
    }
    return settings_of(stack(delivery="agent-image", dags=bundle, agent=agent))


def connection(address: str) -> str:
    """What the Secret holds: an AWS connection to the server of this test."""
    options = {
        "endpoint_url": f"http://{address}",
        "region_name": "us-east-1",
        "config_kwargs": {"s3": {"addressing_style": "path"}},
    }
    return json.dumps({"conn_type": "aws", "login": "robot", "password": KEY, "extra": options})


def test_dags_of_a_bucket_are_fetched_parsed_and_refreshed(
    tmp_path: Path, airflow_environment: PythonEnvironment
) -> None:
    found = settings()
    values = chart_values(found, delivery.plan(found, authorities={}), image="r.example.com/a:1")
    references = {item["name"]: item["valueFrom"] for item in values["commonEnv"] if "valueFrom" in item}
    assert references == {
        "AIRFLOW_CONN_STORE": {"secretKeyRef": {"name": "object-store", "key": "connection"}}
    }
    texts = {item["name"]: item["value"] for item in values["commonEnv"] if "value" in item}
    assert not [name for name in texts if name.startswith("GIT_")]
    storage, errors = tmp_path / "bundles", tmp_path / "errors"
    with s3_server.s3_server() as address:
        s3_server.put(address, "dags/names.py", "OWNER = 'data'\n")
        s3_server.put(address, "dags/orders.py", DAG.format(name="orders", task="count"))
        s3_server.put(address, "dags/old.py", DAG.format(name="old", task="nothing"))
        s3_server.put(address, "elsewhere/hidden.py", DAG.format(name="hidden", task="nothing"))
        environment = airflow_environment.variables(
            {
                **texts,
                "PYTHONPATH": str(modules("s3")),
                "AIRFLOW_CONN_STORE": connection(address),
                "AIRFLOW_HOME": str(tmp_path / "airflow"),
                "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": values["dagBundleConfigList"],
                "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(storage),
            }
        )
        with (
            errors.open("w") as log,
            running(
                [airflow_environment.python, DRIVER],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):

            def do(operation: str) -> dict[str, Any]:
                process.stdin.write(json.dumps({"do": operation, "bundle_name": "bucket"}) + "\n")
                process.stdin.flush()
                answer: dict[str, Any] = json.loads(process.stdout.readline())
                assert answer["ok"], (answer, errors.read_text()[-3000:])
                return answer

            process.stdout.readline()
            assert do("initialise")["path"] == str(storage / "bucket")
            assert do("parse")["dags"] == {"old": ["nothing"], "orders": ["count"]}
            s3_server.put(address, "dags/orders.py", DAG.format(name="orders", task="count_again"))
            s3_server.put(address, "dags/returns.py", DAG.format(name="returns", task="nothing"))
            s3_server.delete(address, "dags/old.py")
            do("refresh")
            assert do("parse")["dags"] == {"orders": ["count_again"], "returns": ["nothing"]}
            process.stdin.close()
            process.wait(timeout=60)
    written = [path for path in (*storage.rglob("*"), errors) if path.is_file()]
    assert sorted(path.name for path in written if path.suffix == ".py") == [
        "names.py",
        "orders.py",
        "returns.py",
    ]
    assert [path for path in written if KEY.encode() in path.read_bytes()] == []
