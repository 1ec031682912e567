"""The image option: the very image that the stack built runs the same Dag, from its own manifest, on a read-only root."""

from __future__ import annotations

import base64
import time
from functools import partial
from typing import Any

import pytest

from tests.delivery_proof.agents import DAG_PROCESSOR, WORKER, Agents
from tests.delivery_proof.cases import same_host_same_token
from tests.delivery_proof.examples import TASKS, fill
from tests.delivery_proof.hosts import Hosts
from tests.delivery_proof.ledger import Ledger
from tests.delivery_proof.recipe import recipe
from tests.delivery_proof.rows import QUERY, REVENUE, rows
from tests.support.image_pod import ImagePod

pytestmark = pytest.mark.delivery


def test_image_of_the_stack_runs_the_example(agents: Agents, git_hosts: Hosts, ledger: Ledger) -> None:
    info = agents.stack.info
    assert info.docker_host, "this proof needs the trial's Docker engine; unset NO_DOCKER."
    setup = same_host_same_token(git_hosts, "proof-image", name="jaffle")
    version = fill(setup)
    # The submodule is there, and not fetched: the image has the project.
    setup.config["delivery"] = "agent-image"
    setup.config["image"] = {
        **agents.base["image"],
        **recipe(),
    }
    setup.config["dbtProjects"][0]["source"] = "examples/dbt-project"
    started = time.monotonic()
    agents.provision(setup.config, podSecurity="restricted")
    ledger.add(
        "image", "built, pushed and released by the stack", "agent-image", "works", time.monotonic() - started
    )

    api = agents.stack.api()
    started = time.monotonic()
    template = agents.stack.deployments()[WORKER].spec.template.spec
    (pull,) = (item.name for item in template.image_pull_secrets)
    secret: Any = api.read_namespaced_secret(pull, agents.stack.namespace)
    pod = partial(
        ImagePod,
        airflow=agents.pythons["1.0.1"],
        database=agents.database,
        docker_host=info.docker_host,
        login=base64.b64decode(secret.data[".dockerconfigjson"]),
    )
    processor = pod(agents.container(DAG_PROCESSOR), agents.folder / "image-dag-processor")
    assert processor.container.image.startswith(agents.base["image"]["repository"])
    assert "@sha256:" in processor.container.image
    assert processor.container.read_only_root
    processor.pull()
    with processor.process() as process:
        assert process.do("initialise")["version"] == version
        assert not any((processor.storage / "tracking_repo" / "dags" / "dbt" / "jaffle").iterdir())
        parsed = process.do("parse")
        assert parsed["errors"] == {}, processor.log[-3000:]
        assert {dag: set(tasks) for dag, tasks in parsed["dags"].items()} == {"jaffle": TASKS}
    assert "LoadMode.DBT_MANIFEST" in processor.log
    assert "dbt ls" not in processor.log
    ledger.add("image", "parsed from the manifest in the image", "agent-image", "works", parsed.seconds)

    worker = pod(agents.container(WORKER), agents.folder / "image-worker")
    assert worker.container.image == processor.container.image
    with worker.process() as process:
        process.do("initialise", version=version)
        ran = process.do("run", dag="jaffle", version=version, limit=600)
    assert ran["state"] == "success", worker.log[-6000:]
    assert ran["tasks"] == dict.fromkeys(TASKS, "success")
    assert rows(agents.dbt, worker, QUERY) == REVENUE
    ledger.add("image", "run to rows, read-only root", "agent-image", "works", time.monotonic() - started)
