"""The example Dag from the stack to rows in the database: parsed as a Dag processor does, run as a worker does, at a version."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.delivery_proof.agents import DAG_PROCESSOR, WORKER, Agents
from tests.delivery_proof.cases import Setup, other_host_other_token, ssh_key_per_repository
from tests.delivery_proof.examples import TASKS, fill
from tests.delivery_proof.hosts import Hosts
from tests.delivery_proof.ledger import Ledger
from tests.delivery_proof.rows import QUERY, REVENUE, rows
from tests.support.airflow_env import PythonEnvironment

pytestmark = pytest.mark.delivery

CASES: dict[str, tuple[str, Callable[..., Setup], dict[str, Any]]] = {
    "tokens, restricted Pods": (
        "1.0.1",
        partial(other_host_other_token, name="jaffle"),
        {"podSecurity": "restricted"},
    ),
    "deploy keys, old provider": ("0.5.0", partial(ssh_key_per_repository, name="jaffle"), {}),
}


@pytest.mark.parametrize("name", CASES)
def test_example_runs_from_the_stack(
    name: str,
    agents: Agents,
    git_hosts: Hosts,
    dbt_environment: PythonEnvironment,
    database: Path,
    ledger: Ledger,
) -> None:
    provider, build, agent = CASES[name]
    setup = build(git_hosts, f"run-{provider.replace('.', '-')}")
    version = fill(setup)
    agents.provision(setup.config, **agent)
    started = time.monotonic()

    processor = agents.pod(DAG_PROCESSOR, provider=provider, dbt=dbt_environment)
    assert processor.container.read_only_root == ("podSecurity" in agent)
    own = set(processor.environment()) - set(processor.container.environment)
    assert own == {"PATH", "HOME", "LANG", "AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}
    with processor.process() as process:
        seen = process.do("environment")["environment"]
        # The shell that became the process notes where it stood.
        assert {
            key: value for key, value in seen.items() if key not in ("PWD", "OLDPWD")
        } == processor.environment()
        assert process.do("initialise")["version"] == version
        parsed = process.do("parse")
        assert parsed["errors"] == {}, processor.log[-3000:]
        assert {dag: set(tasks) for dag, tasks in parsed["dags"].items()} == {"jaffle": TASKS}
    ledger.add("example", f"{name}: parsed", provider, "works", parsed.seconds, "dbt ls")

    worker = agents.pod(WORKER, provider=provider, dbt=dbt_environment, database=database)
    with worker.process() as process:
        process.do("initialise", version=version)
        ran = process.do("run", dag="jaffle", version=version, limit=600)
    assert ran["state"] == "success", worker.log[-6000:]
    assert ran["tasks"] == dict.fromkeys(TASKS, "success")
    assert rows(dbt_environment, worker, QUERY) == REVENUE
    ledger.add(
        "example",
        f"{name}: run to rows",
        provider,
        "works",
        time.monotonic() - started,
        f"{len(TASKS)} tasks",
    )
