"""Copies of the vendor's images in the stack file."""

from __future__ import annotations

from typing import Any

import pytest

from settings import SettingsError
from tests.support.stacks import settings_of, stack, with_agent

MIRROR = {"repository": "registry.example.com/mirror"}


def _based_on(reference: str, **agent: Any) -> dict[str, Any]:
    config = with_agent(**agent)
    config["image"]["base"] = reference
    return {**config, "mirror": MIRROR}


@pytest.mark.parametrize(
    ("config", "key", "says"),
    [
        (stack(mirror={"repository": "other.example.com/mirror"}), "mirror.repository", "another registry"),
        (stack(mirror=MIRROR, image=None), "mirror", "has nothing to copy"),
        (
            _based_on("images.example.com/agent:1"),
            "agent.sentinel.image",
            "does not contain the agent's version",
        ),
        (stack(mirror={}), "mirror.repository", "is missing"),
    ],
)
def test_mistakes(config: dict[str, Any], key: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(config)
    (problem,) = caught.value.problems
    assert problem.key == f"astro-dbt:{key}"
    assert says in problem.message


@pytest.mark.parametrize(
    "agent",
    [
        {"sentinel": {"image": "images.example.com/sentinel:1"}},
        {"sentinel": {"enabled": False}},
        {"chart": {"version": "1.0.2"}},
    ],
)
def test_a_version_is_needed_only_for_a_sentinel_that_nobody_names(agent: dict[str, Any]) -> None:
    assert settings_of(_based_on("images.example.com/agent:1", **agent)).mirror is not None


def test_nothing_is_copied_by_default() -> None:
    assert settings_of().mirror is None
