"""Folders that dbt writes into a project."""

from __future__ import annotations

import pytest

from domain.dbt_output import DbtOutput


def test_defaults():
    for definition in ({}, None, "text", {"target-path": 7, "log-path": ""}):
        assert DbtOutput.of(definition) == DbtOutput(frozenset({"target", "logs"}), "dbt_packages")


@pytest.mark.parametrize("path", ["/tmp/target", "../target", "a/../../target", "."])
def test_a_folder_outside_the_project_is_not_its_output(path):
    found = DbtOutput.of({"target-path": path, "packages-install-path": path})
    assert found == DbtOutput(frozenset({"logs"}), None)


def test_named_folders_are_normalised():
    found = DbtOutput.of({"target-path": "./build//dbt/", "packages-install-path": "vendor"})
    assert found == DbtOutput(frozenset({"build/dbt", "logs"}), "vendor")


def test_an_expression_cannot_be_known_so_the_default_counts():
    assert "target" in DbtOutput.of({"target-path": "{{ env_var('X') }}"}).caches
