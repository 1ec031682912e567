"""The rows of the table: a module for each kind of work, in the order of the table."""

from __future__ import annotations

from bench.rows import dag_parse, dag_run, engine, fleet, git, rollout, scale, staging, unchanged
from bench.rows.group import Group

GROUPS = (
    Group(engine.ROWS, engine.prepare),
    Group(rollout.ROWS, rollout.prepare),
    Group(unchanged.ROWS, unchanged.prepare),
    Group(dag_parse.ROWS, dag_parse.prepare),
    Group(dag_run.ROWS, dag_run.prepare),
    Group(git.ROWS, git.prepare),
    Group(staging.ROWS, staging.prepare),
    Group(fleet.ROWS, fleet.prepare),
    *(Group((row,), scale.prepare) for row in scale.ROWS),
)
"""Rows that share what they need."""
ROWS = {row.name: row for group in GROUPS for row in group.rows}
"""Name -> row."""
