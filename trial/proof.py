"""Whether the agents can run the dbt project: tested in a worker's Pod, with nothing but what the Pod has."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from trial.errors import TrialError

DRIVER = Path(__file__).with_name("agent_driver.py")
WORKER = "astro-agent-worker-default-worker"
DBT_PYTHON = "/home/astro/dbt_venv/bin/python"
RUN_SECONDS = 1200.0
POD_SECONDS = 120.0
_FOLDER = "/tmp/trial-proof"  # noqa: S108 - in the Pod
# Agents have no database; a Dag that runs in one process needs a temporary one. Making it, Airflow also writes the file of its
# configuration, and the root file system may be read-only.
_WITH_DATABASE = f'mkdir -p {_FOLDER} && airflow db migrate >&2 && exec python -c "$0"'
_COUNT_ROWS = """\
import duckdb, json, os, sys
database = duckdb.connect(os.path.join(os.environ.get("TMPDIR", "/tmp"), sys.argv[1] + ".duckdb"), read_only=True)
tables = [name for name, in database.execute(
    "select table_name from information_schema.tables where table_type = 'BASE TABLE' order by 1").fetchall()]
print(json.dumps({name: database.execute(f'select count(*) from "{name}"').fetchone()[0] for name in tables}))
"""


class Kubectl(Protocol):
    """Runs kubectl and returns its output; raises TrialError."""

    def __call__(self, *arguments: str, stdin: str | None = None, purpose: str, seconds: float = ...) -> str:
        """Run kubectl with ``arguments``."""


@dataclass(frozen=True)
class Ran:
    """A Dag that ran in a worker's Pod."""

    pod: str
    """Name of the Pod."""
    image: str
    """Image reference of the Pod."""
    version: str
    """The bundle's commit of the Dag repository."""
    path: str
    """Path of the bundle in the Pod."""
    tasks: Mapping[str, str]
    """Task -> state."""
    rows: Mapping[str, int]
    """Table of the dbt project's database -> number of rows."""
    seconds: float
    """Total time in seconds."""

    def __str__(self) -> str:
        return f"{len(self.tasks)} tasks, {sum(self.rows.values())} rows in {len(self.rows)} tables"


def run_dag(kubectl: Kubectl, *, namespace: str, dag: str, version: str, deployment: str = WORKER) -> Ran:
    """Initialise the bundle at a commit in a Deployment's newest Pod, parse it and run a Dag.

    ``dag`` is also the name of the dbt project, which writes `<name>.duckdb` into the Pod's temporary folder; ``version`` is
    a commit of the Dag repository.

    Raises TrialError: one of the steps failed; with the Pod's output.
    """
    started = time.monotonic()
    pod = newest_pod(kubectl, namespace=namespace, deployment=deployment)
    name = str(pod["metadata"]["name"])
    requests: list[dict[str, Any]] = [
        {"do": "initialise", "version": version},
        {"do": "parse", "version": version},
        {"do": "run", "dag": dag, "version": version},
    ]
    command = (
        "env", f"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=sqlite:///{_FOLDER}/airflow.db",
        f"AIRFLOW_CONFIG={_FOLDER}/airflow.cfg",
        "sh", "-c", _WITH_DATABASE, DRIVER.read_text(encoding="utf-8"),
    )  # fmt: skip
    printed = kubectl(
        f"--namespace={namespace}", "exec", "--stdin", name, "--", *command,
        stdin="".join(json.dumps(request) + "\n" for request in requests),
        purpose=f"running the Dag {dag} in the Pod {name}", seconds=RUN_SECONDS,
    )  # fmt: skip
    bundle, parsed, ran = answers(printed, requests)
    if parsed["errors"]:
        raise TrialError(f"the Pod {name} cannot import the Dags: {_last_lines(str(parsed['errors']))}")
    if ran["state"] != "success":
        failed = sorted(task for task, state in ran["tasks"].items() if state != "success")
        raise TrialError(
            f"the Dag {dag} ended in state {ran['state']} in the Pod {name}: {', '.join(failed)}."
        )
    counted = kubectl(
        f"--namespace={namespace}", "exec", name, "--", DBT_PYTHON, "-c", _COUNT_ROWS, dag,
        purpose=f"counting the rows that the Dag {dag} wrote",
    )  # fmt: skip
    return Ran(
        pod=name,
        image=str(pod["spec"]["containers"][0]["image"]),
        version=bundle["version"],
        path=bundle["path"],
        tasks=ran["tasks"],
        rows=json.loads(counted),
        seconds=time.monotonic() - started,
    )


def newest_pod(kubectl: Kubectl, *, namespace: str, deployment: str) -> dict[str, Any]:
    """A ready Pod of a Deployment's current template; one of an earlier template may still be stopping.

    Raises TrialError: there is none in time.
    """
    deadline = time.monotonic() + POD_SECONDS
    purpose = f"finding a Pod of {deployment}"
    while True:
        found = json.loads(
            kubectl(f"--namespace={namespace}", "get", "pods", "--output=json", purpose=purpose)
        )
        wanted = json.loads(
            kubectl(
                f"--namespace={namespace}", "get", "deployment", deployment, "--output=json", purpose=purpose
            )
        )
        image = wanted["spec"]["template"]["spec"]["containers"][0]["image"]
        labels = wanted["spec"]["selector"]["matchLabels"].items()
        ready = [
            pod
            for pod in found["items"]
            if labels <= pod["metadata"]["labels"].items()
            and "deletionTimestamp" not in pod["metadata"]
            and pod["spec"]["containers"][0]["image"] == image
            and _is_ready(pod)
        ]
        if ready:
            return dict(max(ready, key=lambda pod: str(pod["metadata"]["creationTimestamp"])))
        if time.monotonic() > deadline:
            raise TrialError(f"no Pod of {deployment} became ready within {POD_SECONDS:.0f} seconds.")
        time.sleep(1)


def answers(printed: str, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Read the driver's answers, one per request after a first one that shows that it is ready.

    Raises TrialError: an operation failed or was not answered.
    """
    found = [json.loads(line) for line in printed.splitlines() if line.startswith('{"ok"')][1:]
    for request, answer in zip(requests, found, strict=False):
        if not answer["ok"]:
            raise TrialError(f"{request['do']} failed in the Pod: {_last_lines(answer['error'])}")
    if len(found) < len(requests):
        raise TrialError(f"the Pod did not answer {requests[len(found)]['do']}.")
    return found


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-12:])
