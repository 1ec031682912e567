"""The image option: the very image that the stack built runs the same Dag, from its own manifest, on a read-only root."""

from __future__ import annotations

import time

import pytest

from tests.delivery_proof.agents import DAG_PROCESSOR, WORKER, Agents
from tests.delivery_proof.cases import same_host_same_token
from tests.delivery_proof.examples import TASKS, fill
from tests.delivery_proof.hosts import Hosts
from tests.delivery_proof.ledger import Ledger
from tests.delivery_proof.recipe import recipe
from tests.delivery_proof.rows import QUERY, REVENUE, rows

pytestmark = pytest.mark.delivery


def test_image_of_the_stack_runs_the_example(agents: Agents, git_hosts: Hosts, ledger: Ledger) -> None:
    setup = same_host_same_token(git_hosts, "proof-image", name="jaffle")
    version = fill(setup)
    # The submodule is there, and not fetched: the image has the project.
    setup.config["delivery"] = "agent-image"
    setup.config["image"] = agents.base["image"] | recipe()
    setup.config["dbtProjects"][0]["source"] = "examples/dbt-project"
    started = time.monotonic()
    containers = agents.provision(setup.config, podSecurity="restricted")
    ledger.add(
        "image", "built, pushed and released by the stack", "agent-image", "works", time.monotonic() - started
    )

    started = time.monotonic()
    processor = agents.pod(DAG_PROCESSOR, container=containers[DAG_PROCESSOR])
    assert processor.container.image.startswith(agents.base["image"]["repository"])
    assert "@sha256:" in processor.container.image
    assert processor.container.read_only_root
    with processor.process() as process:
        assert process.do("initialise")["version"] == version
        assert not any((processor.storage / "tracking_repo" / "dags" / "dbt" / "jaffle").iterdir())
        parsed = process.do("parse")
        assert parsed["errors"] == {}, processor.log[-3000:]
        assert {dag: set(tasks) for dag, tasks in parsed["dags"].items()} == {"jaffle": TASKS}
    assert "LoadMode.DBT_MANIFEST" in processor.log
    assert "dbt ls" not in processor.log
    ledger.add(
        "image",
        "parsed from the manifest in the image",
        "agent-image",
        "works",
        parsed.seconds,
        image=processor.container.image,
    )

    worker = agents.pod(WORKER, container=containers[WORKER])
    assert worker.container.image == processor.container.image
    with worker.process() as process:
        process.do("initialise", version=version)
        ran = process.do("run", dag="jaffle", version=version, limit=600)
    assert ran["state"] == "success", worker.log[-6000:]
    assert ran["tasks"] == dict.fromkeys(TASKS, "success")
    assert rows(agents.dbt, worker, QUERY) == REVENUE
    ledger.add(
        "image",
        "run to rows, read-only root",
        "agent-image",
        "works",
        time.monotonic() - started,
        image=worker.container.image,
    )
