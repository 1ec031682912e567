"""Translation of pydantic's errors into sentences."""

from __future__ import annotations

from settings.agent import Agent
from settings.errors import Problem, SettingsError, known_keys, render_path, unknown_key


def test_path():
    assert render_path("p:agent", ["workers", 0, "name"]) == "p:agent.workers[0].name"


def test_problems_are_sorted_and_reported_once():
    error = SettingsError([Problem("b", "x; y"), Problem("a", "x; y"), Problem("b", "x; y")])
    assert str(error) == "a x; y.\nb x; y."


def test_known_keys_below_lists_and_optional_sections():
    assert "terminationGracePeriodSeconds" in known_keys(Agent, ["workers", 0])
    assert "kwargsSecret" in known_keys(Agent, ["secretsBackend"])
    assert "ephemeral-storage" in known_keys(Agent, ["workers", 0, "resources", "limits"])


def test_unknown_key_without_a_near_one_lists_all():
    assert "write one of a, b" in str(unknown_key("k", "zzz", ["b", "a"]))
