"""The way of a commit to the agents: from the repositories through a Dag processor's bundle to a versioned run on a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.delivery_proof.agents import DAG_PROCESSOR, WORKER, Agents, Containers, leaks
from tests.delivery_proof.cases import BUILD, IDS, Setup
from tests.support.agent_process import AgentError, Pod, Process


class WrongContentError(AssertionError):
    """The agents have other Dags than the repository."""


def expect(process: Process, models: Mapping[str, list[str]], version: str | None = None) -> None:
    """Parse the bundle's Dags, which must be these: dbt project -> models.

    Raises WrongContentError: they are others, or did not parse.
    """
    parsed = process.do("parse", version=version)
    if parsed["errors"]:
        raise WrongContentError(str(parsed["errors"]))
    seen = {dag: [task for task in tasks if task != BUILD] for dag, tasks in parsed["dags"].items()}
    if seen != dict(models):
        raise WrongContentError(f"the agents see {seen}, the repository has {dict(models)}")


@dataclass
class Delivery:
    """One agent's part of a delivery."""

    processor: Pod
    worker: Pod
    problem: str = ""
    """What went wrong, in one line; empty when all went well."""
    leaked: set[str] = field(default_factory=set)
    """Where credentials lie: `disk`, `arguments`, `log`."""

    @property
    def result(self) -> str:
        """What the documentation says of it."""
        if self.problem:
            return f"fails: {self.problem}"
        places = " and in ".join(sorted(self.leaked, reverse=True))
        return f"works; token on {places}" if places else "works"


def deliver(
    agents: Agents,
    setup: Setup,
    provisioned: Mapping[str, Containers],
) -> dict[str, Delivery]:
    """Let agents follow a commit and run it, all at once; returns how it went for each image that was provisioned."""
    first, before = setup.dags.head(), dict(setup.models)
    bumped: list[str] = []

    def bump() -> None:
        for project in setup.projects:
            project.add_model(f"more_{len(list(project.repository.tree.glob('models/*.sql')))}")
        bumped.append(setup.publish())

    barrier = threading.Barrier(len(provisioned), action=bump)
    found = {
        image: Delivery(
            agents.pod(DAG_PROCESSOR, container=containers[DAG_PROCESSOR]),
            agents.pod(WORKER, container=containers[WORKER]),
        )
        for image, containers in provisioned.items()
    }

    def follow(delivery: Delivery) -> None:
        with delivery.processor.process() as process:
            _noting(delivery, _reach, process, "initialise", first, before)
            barrier.wait(300)
            _noting(delivery, _reach, process, "refresh", bumped[0], setup.models)
        with delivery.worker.process() as process:
            for version, models in ((first, before), (bumped[0], setup.models)):
                _noting(delivery, _reach, process, "initialise", version, models, version)
            _noting(delivery, _run, agents, process, bumped[0], setup.models)
        delivery.leaked = leaks(delivery.processor, setup.tokens) | leaks(delivery.worker, setup.tokens)

    with ThreadPoolExecutor(len(provisioned)) as pool:
        list(pool.map(follow, found.values()))
    return found


def _noting(delivery: Delivery, step: Callable[..., None], *arguments: Any) -> None:
    if delivery.problem:
        return
    try:
        step(*arguments)
    except (AgentError, WrongContentError) as error:
        delivery.problem = str(error).strip().splitlines()[-1]


def _reach(
    process: Process, operation: str, commit: str, models: Mapping[str, list[str]], version: str | None = None
) -> None:
    """Do an operation that brings the bundle to a commit, which has these models."""
    arguments: dict[str, Any] = {"version": version} if version else {}
    found = process.do(operation, **arguments)["version"]
    if found != commit:
        raise WrongContentError(f"the bundle is at {found} instead of {commit}")
    expect(process, models, version)


def _run(agents: Agents, process: Process, version: str, models: Mapping[str, list[str]]) -> None:
    for project, names in models.items():
        ran = process.do("run", dag=project, version=version, limit=1200)
        if ran["state"] != "success":
            raise WrongContentError(f"the run of {project} ended with {ran['tasks']}")
        selects = [f"select '{model}' as model, id from {model}" for model in names]  # noqa: S608 - our own names
        query = " union all ".join(selects) + " order by model"
        found = agents.rows(process.pod, query, project=project)
        wanted = str([(name, IDS.get(name, 2)) for name in names])
        if found != wanted:
            raise WrongContentError(f"the database holds {found} instead of {wanted}")
