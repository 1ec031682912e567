"""pip requirements."""

from __future__ import annotations

import doctest

import pytest

from domain import requirements
from domain.requirements import distribution, pinned, stays_below


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("DBT.SQLServer", "dbt-sqlserver"),
        ("dbt_spark[PyHive]==1.9", "dbt-spark"),
        ("a--b ; x", "a-b"),
        ("==1", ""),
    ],
)
def test_the_name_is_normalised(requirement, name):
    assert distribution(requirement) == name


@pytest.mark.parametrize(
    ("requirement", "version"),
    [
        ("Acme_Tool == 1.10", (1, 10)),
        ("acme-tool[x]==0.5.0; python_version == '3.12'", (0, 5, 0)),
        ("acme-tool===2.0", None),
        ("acme-tool>=2.0; python_version == '3.12'", None),
        ("acme-tools==3.0", None),
    ],
)
def test_only_a_pin_names_the_version(requirement, version):
    assert pinned(["other==9", requirement], "acme-tool") == version


@pytest.mark.parametrize(
    ("specifier", "below"),
    [
        ("==1.11.16", True),
        ("==1.11.*", True),
        ("===1.9.0", True),
        ("~=1.11.0", True),
        ("<1.12", True),
        ("<1.12.0", True),
        (">=1.10, <=1.11.9", True),
        ("==1.12", False),
        ("==1.12.0", False),
        ("==1.*", False),
        ("~=1.11", False),
        ("<2", False),
        ("<1.13", False),
        (">=1.9", False),
        ("!=1.11.3", False),
        ("", False),
        ("; python_version < '1.5'", False),
    ],
)
def test_what_a_specifier_excludes(specifier, below):
    assert stays_below(f"dbt-core{specifier}", (1, 12)) is below


def test_the_examples() -> None:
    assert doctest.testmod(requirements).failed == 0
