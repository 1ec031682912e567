"""Runs in the agents' Python, in a Pod's environment: does with Airflow what a Dag processor or a worker does.

Reads one JSON object per line, `{"do": <name>, ...}`, and answers each with one line:
`{"ok": true, "seconds": 0.1, ...}` or `{"ok": false, "seconds": 0.1, "type": <exception>, "error": <text with causes>}`.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Airflow logs to standard output, so the answers get a separate descriptor.
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

from airflow.dag_processing.bundles.manager import DagBundlesManager  # noqa: E402

bundles: dict[tuple[str, str | None], Any] = {}


def first_bundle() -> str:
    """The name of the first bundle that the environment configures."""
    entries = json.loads(os.environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
    return str(entries[0]["name"])


def bundle(version: str | None, name: str | None = None) -> Any:
    """The process' object of a bundle, created as in Airflow from the configured class path and arguments."""
    key = (name or first_bundle(), version)
    if key not in bundles:
        bundles[key] = DagBundlesManager().get_bundle(*key)
    return bundles[key]


def describe(version: str | None, name: str | None = None) -> dict[str, Any]:
    """The bundle's path and its current commit."""
    found = bundle(version, name)
    current = found.get_current_version()
    return {"path": str(found.path), "version": str(getattr(current, "version", current))}


def environment() -> dict[str, Any]:
    """Variables of the process."""
    return {"environment": dict(os.environ)}


def initialise(
    *, version: str | None = None, again: bool = False, bundle_name: str | None = None
) -> dict[str, Any]:
    """Initialise a bundle for a version or for the tracked ref; ``again`` creates a new object, like a new process."""
    if again:
        bundles.pop((bundle_name or first_bundle(), version), None)
    bundle(version, bundle_name).initialize()
    return describe(version, bundle_name)


def refresh(*, bundle_name: str | None = None) -> dict[str, Any]:
    """Refresh the tracking bundle."""
    bundle(None, bundle_name).refresh()
    return describe(None, bundle_name)


def parse(*, version: str | None = None, bundle_name: str | None = None) -> dict[str, Any]:
    """Parse a bundle's Dag folder."""
    from airflow.dag_processing.dagbag import DagBag

    found = bundle(version, bundle_name)
    sys.path.insert(0, str(found.path))
    bag = DagBag(dag_folder=str(found.path), bundle_path=Path(found.path), bundle_name=found.name)
    return {
        "errors": {str(Path(file).name): text for file, text in bag.import_errors.items()},
        "dags": {name: sorted(dag.task_ids) for name, dag in bag.dags.items()},
        "docs": {name: dag.doc_md for name, dag in bag.dags.items()},
    }


def run(*, dag: str, version: str | None = None) -> dict[str, Any]:
    """Parse the Dag at a version and run it; returns the state of the run and of every task."""
    from airflow.dag_processing.dagbag import DagBag

    found = bundle(version)
    bag = DagBag(dag_folder=str(found.path), bundle_path=Path(found.path), bundle_name=found.name)
    if dag not in bag.dags:
        raise LookupError(f"no Dag {dag}: {json.dumps(bag.import_errors)}")
    ended = bag.dags[dag].test()
    tasks = {task.task_id: str(task.state) for task in ended.get_task_instances()}
    return {"state": str(ended.state.value if hasattr(ended.state, "value") else ended.state), "tasks": tasks}


OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "environment": environment,
    "initialise": initialise,
    "refresh": refresh,
    "parse": parse,
    "run": run,
}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Execute one request."""
    started = time.monotonic()
    operation = OPERATIONS[request.pop("do")]
    try:
        result = {"ok": True, **operation(**request)}
    except BaseException as error:  # noqa: BLE001 - SystemExit included: the answer tells it
        traceback.print_exc()
        result = {
            "ok": False,
            "type": type(error).__name__,
            "error": "".join(traceback.format_exception(error)),
        }
    result["seconds"] = round(time.monotonic() - started, 2)
    return result


def main() -> None:
    """Answer requests until the input ends."""
    print(json.dumps({"ok": True, "seconds": 0.0}), file=ANSWERS, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=ANSWERS, flush=True)


if __name__ == "__main__":
    main()
