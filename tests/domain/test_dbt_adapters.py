"""Packages that bring a type of a profile."""

from __future__ import annotations

import doctest

from domain import dbt_adapters
from domain.dbt_adapters import adapters_for


def test_the_examples() -> None:
    assert doctest.testmod(dbt_adapters).failed == 0


def test_dbt_2_brings_known_types_only() -> None:
    assert {"dbt", "dbt-oss", "dbt-duckdb"} <= adapters_for("duckdb")
    assert adapters_for("acme_house") == frozenset()
