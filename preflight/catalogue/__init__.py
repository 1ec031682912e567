"""Every check and every sentence that it can report, a module per family; docs/preflight.md shows the same as a table."""

from __future__ import annotations

from collections.abc import Mapping

from preflight.catalogue import (
    agent_checks,
    chart_checks,
    cluster_checks,
    dbt_checks,
    git_checks,
    image_checks,
    preflight_checks,
)
from preflight.check import Check

CHECKS: Mapping[str, Check] = {
    check.id: check
    for family in (
        preflight_checks,
        git_checks,
        dbt_checks,
        cluster_checks,
        chart_checks,
        agent_checks,
        image_checks,
    )
    for check in family.CHECKS
}
"""Check id -> check."""

FAMILIES = frozenset(check.family for check in CHECKS.values())
"""Families of checks: one level can be set for all checks of a family."""
