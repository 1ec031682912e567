"""Parsing a Dag, which the Dag processor does again and again and each task once, against Cosmos with `dbt ls`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.dag_parse import Case
from bench.pairs import Pair, Row, Work
from tests.support.airflow_env import kept_environment

PARSE = "CPU seconds of a parse"
START = "CPU seconds of a task's process up to its work"
_WAYS = {"git-submodule": "kept", "agent-image": "baked"}
"""Option -> folder of the case: a manifest that the helper keeps, or one in the image."""
_WHY = "what remains is Cosmos building its operators, which takes as long with any manifest"

ROWS = tuple(
    Row(
        f"dag-parse-{models}-{option}",
        f"Dag parsed, {models} models, {option}",
        "helper module",
        "Cosmos with `dbt ls`",
        {PARSE: 0.12},
        _WHY,
    )
    for models in (5, 300)
    for option in _WAYS
)


@contextmanager
def prepare(rows: frozenset[str]) -> Iterator[Mapping[str, Pair]]:
    """Dags in a real Airflow, with generated projects."""
    airflow, dbt = kept_environment("airflow"), kept_environment("dbt")
    with tempfile.TemporaryDirectory(prefix="astro-dbt-bench-") as name:
        pairs = {}
        for models in (5, 300):
            wanted = {option: f"dag-parse-{models}-{option}" for option in _WAYS}
            if rows.isdisjoint(wanted.values()):
                continue
            case = Case(Path(name) / str(models), airflow, dbt, models)
            for option, row in wanted.items():
                if row in rows:
                    pairs[row] = Pair(_ours(case, _WAYS[option]), _dbt_ls(case))
        yield pairs


def _ours(case: Case, way: str) -> Work:
    projects = json.dumps({"jaffle": {"image": str(case.root / "image" / "jaffle")}})

    def run() -> Mapping[str, float]:
        parse, process = case.parse(way, {"ASTRO_DBT_PROJECTS": projects} if way == "baked" else {})
        return {PARSE: parse, START: process}

    return run


def _dbt_ls(case: Case) -> Work:
    """A new process without anything that an earlier one left, as each task of a new Pod is."""

    def run() -> Mapping[str, float]:
        case.forget_dbt_ls()
        parse, process = case.parse("plain")
        return {PARSE: parse, START: process}

    return run
