"""Agents that may not reach Git: Dags and dbt projects come in the image, and its own Dag files run to rows."""

from __future__ import annotations

import time

import pytest

from tests.delivery_proof.agents import DAG_PROCESSOR, WORKER, Agents
from tests.delivery_proof.cases import same_host_same_token
from tests.delivery_proof.example import QUERY, REVENUE, TASKS, fill, recipe
from tests.delivery_proof.hosts import Hosts
from tests.delivery_proof.ledger import Ledger

pytestmark = pytest.mark.delivery


def test_dags_of_the_image_need_no_git(agents: Agents, git_hosts: Hosts, ledger: Ledger) -> None:
    """They are baked from their repository, which opens to nobody any more when agents parse and run them."""
    setup = same_host_same_token(git_hosts, "proof-baked", name="jaffle")
    fill(setup)
    setup.config["delivery"] = "agent-image"
    setup.config["image"] = agents.base["image"] | recipe()
    setup.config["dbtProjects"][0]["source"] = "examples/dbt-project"
    (agents.stack.folder / "examples/dbt-project/packages.yml").unlink(missing_ok=True)
    setup.config["dags"]["source"] = "repository"
    started = time.monotonic()
    containers = agents.provision(setup.config, podSecurity="restricted")
    for path in ("proof-baked/dags.git", "proof-baked/jaffle.git"):
        git_hosts.trial.withdraw(path)
    secrets = agents.stack.api().list_namespaced_secret(agents.stack.namespace).items
    names = [str(item.metadata.name) for item in secrets if item.metadata]
    assert [name for name in names if "-git-" in name] == []

    processor = agents.pod(DAG_PROCESSOR, container=containers[DAG_PROCESSOR])
    environment = processor.container.environment
    assert [name for name in environment if name.startswith(("GIT_", "AIRFLOW_CONN"))] == []
    with processor.process() as process:
        assert process.do("initialise")["path"] == "/usr/local/airflow/bundles/dags"
        parsed = process.do("parse")
        assert parsed["errors"] == {}, processor.log[-3000:]
        assert {dag: set(tasks) for dag, tasks in parsed["dags"].items()} == {"jaffle": TASKS}
    worker = agents.pod(WORKER, container=containers[WORKER])
    with worker.process() as process:
        process.do("initialise")
        ran = process.do("run", dag="jaffle", limit=1200)
    assert ran["tasks"] == dict.fromkeys(TASKS, "success"), worker.log[-6000:]
    assert agents.rows(worker, QUERY) == REVENUE
    for done in ("clone", "fetch"):
        assert done not in processor.arguments + worker.arguments
    ledger.add(
        "image",
        "Dags and dbt in the image: run to rows without Git",
        "agent-image",
        "works",
        time.monotonic() - started,
        image=worker.container.image,
    )
