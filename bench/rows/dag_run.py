"""A whole run of a Dag in a real Airflow, and a push on its way there, with a process for each task, against Cosmos alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

from bench.dag_parse import PLAIN_DAG
from bench.local_airflow import Airflow, Repository
from bench.pairs import SECONDS, Pair, Row, Work
from tests.support.airflow_env import kept_environment

MODELS = 40
_PLAIN = "Cosmos alone: LOCAL, `dbt ls`"
_WHY = {
    "LOCAL": "each task still starts a process, imports Cosmos and starts dbt, which both ways do",
    "WATCHER": "each model is still a task of Airflow",
}

FROM_PUSH = "seconds from the push of a moved submodule to the run's end"

ROWS = tuple(
    Row(
        f"dag-run-{mode.lower()}",
        f"whole Dag run, {MODELS} models, {mode}",
        f"helper module, {mode}",
        _PLAIN,
        {SECONDS: 0.6, FROM_PUSH: 0.5},
        why,
    )
    for mode, why in _WHY.items()
)

_RETRIES = 'default_args={"retries": 1, "retry_delay": 1.0}'
"""A task that fails is tried again after a second, in every way.

Airflow may fail a deferred task that resumes before its scheduler has seen it defer, with nothing wrong in the task
(https://github.com/apache/airflow/issues/67287, which is in 3.3.2).
"""

_OURS = '''"""The project in Airflow, with the helper module."""

from datetime import datetime

from astro_projects import DbtProject
from cosmos import DbtDag

jaffle = DbtProject.find("jaffle", __file__)
dag = DbtDag(
    dag_id="{name}",
    schedule=None,
    start_date=datetime(2026, 1, 1),
    {retries},
    **jaffle.cosmos(target="dev", watcher={queue!r}),
)
'''


@contextmanager
def prepare(rows: frozenset[str]) -> Iterator[Mapping[str, Pair]]:
    """An Airflow with a Dag for each way, each in its own repository."""
    airflow, dbt = kept_environment("airflow"), kept_environment("dbt")
    with tempfile.TemporaryDirectory(prefix="astro-dbt-bench-") as name:
        repositories = make_repositories(Path(name), MODELS)
        with Airflow(Path(name), airflow, dbt, repositories) as running:
            kept: list[Mapping[str, float]] = []

            def plain() -> Work:
                """Cosmos alone, whose runs count for both modes, because each takes many minutes."""
                turns = count()

                def run() -> Mapping[str, float]:
                    turn = next(turns)
                    if turn == len(kept):
                        kept.append(_pushed(running, repositories, "plain"))
                    return kept[turn]

                return run

            yield {
                row: Pair(partial(_pushed, running, repositories, row.rpartition("-")[2]), plain())
                for row in rows
            }


def make_repositories(folder: Path, models: int) -> dict[str, Repository]:
    """Dag -> repository with a project of this many models: `plain`, `local` and `watcher`."""
    texts = {"plain": PLAIN_DAG.replace('schedule="@daily"', f"schedule=None, {_RETRIES}")}
    texts |= {
        mode.lower(): _OURS.format(
            name=mode.lower(), retries=_RETRIES, queue="default" if mode == "WATCHER" else None
        )
        for mode in _WHY
    }
    return {dag: Repository(folder / dag, text, models=models) for dag, text in texts.items()}


def _pushed(running: Airflow, repositories: Mapping[str, Repository], dag: str) -> Mapping[str, float]:
    """Push a new model, and run the Dag once it has it."""
    begun = time.perf_counter()
    running.await_version(dag, repositories[dag].push_a_model())
    run = running.run(dag)
    return {SECONDS: run, FROM_PUSH: time.perf_counter() - begun}
