"""Stacks that are many times larger, against a straight line from the smallest one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.pairs import SECONDS, Pair, Row, Work
from bench.trial_stacks import Bench, bench, pulumi_up
from tests.support.engine import Stack

QUEUES, CONNECTIONS, PROJECTS = 200, 100, 50
_LINE = "straight line from one"
MEMORY = "memory bytes"
_GOALS = {SECONDS: 1.0, MEMORY: 1.0, "install seconds": 1.0, "state bytes": 1.0, "Helm record bytes": 1.0}

ROWS = tuple(
    Row(f"scale-{what}", f"{what} 1 → {size}, preview", f"{size}", _LINE, _GOALS)
    for what, size in (("queues", QUEUES), ("connections", CONNECTIONS), ("projects", PROJECTS))
)


@contextmanager
def prepare(rows: frozenset[str]) -> Iterator[Mapping[str, Pair]]:
    """A stack of each size, provisioned."""
    with bench() as found:
        pairs = {}
        for row, size, config in (
            ("scale-queues", QUEUES, _queues),
            ("scale-connections", CONNECTIONS, _connections),
            ("scale-projects", PROJECTS, _projects),
        ):
            if row in rows:
                small = _provisioned(found, f"{row}-1", config, 1)
                large = _provisioned(found, f"{row}-{size}", config, size)
                pairs[row] = Pair(large(1), small(size))
        yield pairs


def _provisioned(found: Bench, name: str, config: Any, size: int) -> Any:
    """Provision a stack; the result makes work whose figures are multiplied."""
    stack = found.stack(name)
    stack.write(config(dict(stack.config), size))
    begun = time.perf_counter()
    pulumi_up(found, stack)
    install = time.perf_counter() - begun
    sizes = _sizes(stack)

    def work(times: int) -> Work:
        def run() -> Mapping[str, float]:
            start = time.perf_counter()
            command = ("pulumi", "preview", "--stack", stack.name, "--non-interactive")
            peak = found.memory(*command, cwd=stack.folder)
            figures = {
                SECONDS: time.perf_counter() - start,
                MEMORY: peak,
                "install seconds": install,
                **sizes,
            }
            return {metric: times * value for metric, value in figures.items()}

        return run

    return work


def _sizes(stack: Stack) -> Mapping[str, float]:
    secret = stack.api().read_namespaced_secret("sh.helm.release.v1.astro-agent.v1", stack.namespace)
    return {"state bytes": len(stack.state()), "Helm record bytes": len(json.dumps(secret.data))}


def _queues(config: dict[str, Any], size: int) -> dict[str, Any]:
    workers = [
        {"name": f"worker-{number:03}", "queues": [f"queue-{number:03}"], "terminationGracePeriodSeconds": 5}
        for number in range(size)
    ]
    return {**config, "agent": {**config["agent"], "workers": workers}}


def _connections(config: dict[str, Any], size: int) -> dict[str, Any]:
    """Submodules with one connection each; the repositories do not exist, so Git is not called."""
    connection, credential = config["connections"]["git"], config["credentials"]["git"]
    names = [f"git_{number:03}" for number in range(size)]
    submodules = [{"repo": f"{_host(config)}/many/{name}.git", "connection": name} for name in names]
    return {
        **_without_git(config),
        "dags": {**config["dags"], "submodules": submodules},
        "connections": {"git": connection, **dict.fromkeys(names, connection)},
        "credentials": {"git": credential, **dict.fromkeys(names, credential)},
    }


def _projects(config: dict[str, Any], size: int) -> dict[str, Any]:
    (project,) = config["dbtProjects"]
    projects = [
        {**project, "name": f"jaffle_{number:03}", "path": f"dags/dbt/jaffle_{number:03}"}
        for number in range(size)
    ]
    return {**_without_git(config), "dbtProjects": projects}


def _host(config: dict[str, Any]) -> str:
    return str(config["dags"]["repo"]).removesuffix("/platform/dags.git")


def _without_git(config: dict[str, Any]) -> dict[str, Any]:
    off = {name: {"level": "off", "reason": "these repositories do not exist"} for name in ("git", "dbt")}
    return {**config, "preflight": {"checks": off}}
