"""Stores of the agents."""

from __future__ import annotations

from typing import Any

from settings.stores import STATE_STORE
from tests.support.stacks import problems, settings_of, with_agent


def problem(agent: dict[str, Any]) -> str:
    (sentence,) = problems(with_agent(**agent)).values()
    return sentence


def test_the_default_class_needs_a_path() -> None:
    assert problem({"stateStore": {}}).startswith("astro-dbt:agent.stateStore has no path")
    found = settings_of(with_agent(stateStore={"path": "s3://conn@bucket/state"})).agent.state_store
    assert found is not None
    assert found.class_path == STATE_STORE


def test_another_class_needs_none() -> None:
    assert settings_of(with_agent(stateStore={"class": "acme.stores.Redis"})).agent.state_store is not None


def test_the_text_of_earlier_versions_gets_the_new_spelling() -> None:
    assert "write class: d.e.F and path: under it" in problem({"stateStore": "d.e.F"})


def test_variables_of_the_store_have_settings() -> None:
    variable = "AIRFLOW__COMMON_IO__STATE_STORE_OBJECTSTORAGE_PATH"
    assert "use agent.stateStore.path" in problem({"env": {variable: "s3://bucket/state"}})
