"""A whole run of a Dag in a real Airflow, and a push on its way there, with a process for each task, against Cosmos alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.dag_parse import PLAIN_DAG
from bench.local_airflow import Airflow, Repository
from bench.pairs import SECONDS, Pair, Row
from tests.support.airflow_env import kept_environment

MODELS = 40
_PLAIN = "Cosmos alone: LOCAL, `dbt ls`"
_WHY = {
    "LOCAL": "each task still starts a process, imports Cosmos and starts dbt, which both ways do",
    "WATCHER": "each model is still a task of Airflow",
}

ROWS = tuple(
    Row(
        f"{name}-{mode.lower()}",
        f"{title}, {MODELS} models, {mode}",
        f"helper module, {mode}",
        _PLAIN,
        {SECONDS: goal},
        _WHY[mode],
        most=1,
    )
    for name, title, goal in (
        ("dag-run", "whole Dag run", 0.6),
        ("git-push", "submodule bumped to the run's end", 0.5),
    )
    for mode in _WHY
)

_OURS = '''"""The project in Airflow, with the helper module."""

from datetime import datetime

from astro_projects import DbtProject
from cosmos import DbtDag

jaffle = DbtProject.find("jaffle", __file__)
dag = DbtDag(
    dag_id="{name}",
    schedule=None,
    start_date=datetime(2026, 1, 1),
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
            kept: dict[str, float] = {}

            def pair(row: str) -> Pair:
                what, _, mode = row.rpartition("-")
                work: Callable[[str], float] = running.run
                if what == "git-push":
                    work = partial(_pushed, running, repositories)

                def plain() -> Mapping[str, float]:
                    """Measured once for both modes, because it takes many minutes."""
                    if what not in kept:
                        kept[what] = work("plain")
                    return {SECONDS: kept[what]}

                return Pair(lambda: {SECONDS: work(mode)}, plain)

            yield {row: pair(row) for row in rows}


def make_repositories(folder: Path, models: int) -> dict[str, Repository]:
    """Dag -> repository with a project of this many models: `plain`, `local` and `watcher`."""
    texts = {"plain": PLAIN_DAG.replace('"@daily"', "None")}
    texts |= {
        mode.lower(): _OURS.format(name=mode.lower(), queue="default" if mode == "WATCHER" else None)
        for mode in _WHY
    }
    return {dag: Repository(folder / dag, text, models=models) for dag, text in texts.items()}


def _pushed(running: Airflow, repositories: Mapping[str, Repository], dag: str) -> float:
    """Seconds from a push to the end of the run that has the new model."""
    begun = time.perf_counter()
    running.await_version(dag, repositories[dag].push_a_model())
    running.run(dag)
    return time.perf_counter() - begun
