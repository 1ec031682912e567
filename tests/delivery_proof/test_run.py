"""The example Dag from the stack to rows in the database: parsed as a Dag processor does, run as a worker does, at a version."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.delivery_proof.agents import DAG_PROCESSOR, WORKER, Agents, Containers, leaks
from tests.delivery_proof.cases import (
    Setup,
    other_host_other_token,
    private_packages,
    ssh_key_per_repository,
)
from tests.delivery_proof.example import QUERY, REVENUE, TASKS, fill
from tests.delivery_proof.hosts import Hosts
from tests.delivery_proof.ledger import Ledger

pytestmark = pytest.mark.delivery

CASES: dict[str, tuple[str, Callable[..., Setup], dict[str, Any]]] = {
    "tokens, restricted Pods": (
        "1.0.1",
        partial(other_host_other_token, name="jaffle"),
        {"podSecurity": "restricted"},
    ),
    "deploy keys, old provider": ("0.5.0", partial(ssh_key_per_repository, name="jaffle"), {}),
}


@pytest.fixture(scope="module")
def runs(agents: Agents, git_hosts: Hosts) -> Iterator[Mapping[str, Future[tuple[float, str]]]]:
    """Every case, provisioned one after the other and run at the same time."""
    with ThreadPoolExecutor(len(CASES)) as pool:
        started = {}
        for name, (provider, build, agent) in CASES.items():
            slug = f"run-{provider.replace('.', '-')}"
            setup = build(git_hosts, slug)
            version = fill(setup, packages=private_packages(setup, git_hosts, slug))
            containers = agents.provision(setup.config, image=provider, **agent)
            assert containers[DAG_PROCESSOR].read_only_root == ("podSecurity" in agent)
            started[name] = pool.submit(run, agents, version, containers, setup.tokens)
        yield started


def run(agents: Agents, version: str, containers: Containers, tokens: list[str]) -> tuple[float, str]:
    """Parse the example and run it at a version, with private dbt packages that are installed once and leave no token.

    Returns the seconds that it took, and the image.
    """
    started = time.monotonic()
    processor = agents.pod(DAG_PROCESSOR, container=containers[DAG_PROCESSOR])
    own = set(processor.environment()) - set(processor.container.environment)
    assert own == {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"}
    with processor.process() as process:
        seen = process.do("environment")["environment"]
        # The rest is the image's.
        assert processor.environment().items() <= seen.items()
        assert process.do("initialise")["version"] == version
        parsed = process.do("parse")
        assert parsed["errors"] == {}, processor.log[-3000:]
        assert {dag: set(tasks) for dag, tasks in parsed["dags"].items()} == {"jaffle": TASKS}
    worker = agents.pod(WORKER, container=containers[WORKER])
    with worker.process() as process:
        process.do("initialise", version=version)
        ran = process.do("run", dag="jaffle", version=version, limit=1200)
    assert ran["state"] == "success", worker.log[-6000:]
    assert ran["tasks"] == dict.fromkeys(TASKS, "success")
    assert agents.rows(worker, QUERY) == REVENUE
    for pod in (processor, worker):
        # dbt does not parse a project whose packages are missing.
        assert pod.log.count("dbt packages of jaffle: installed") == 1
        assert leaks(pod, tokens) == set()
    return time.monotonic() - started, worker.container.image


@pytest.mark.parametrize("name", CASES)
def test_example_runs_from_the_stack(
    runs: Mapping[str, Future[tuple[float, str]]], name: str, ledger: Ledger
) -> None:
    seconds, image = runs[name].result()
    ledger.add("example", f"{name}: run to rows", CASES[name][0], "works", seconds, image=image)
