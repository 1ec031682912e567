"""Git's configuration in the environment, by its keys."""

from __future__ import annotations

import pytest

from delivery.git_access import git_access
from review.git_environment import GIT_CONFIG, by_key, host_of, repository_of
from tests.support.stacks import settings_of, stack


def variables(**more: str) -> dict[str, str]:
    found = {"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": "1"}
    return {**found, "GIT_CONFIG_KEY_1": "a.b", "GIT_CONFIG_VALUE_1": "2", **more}


def test_numbers_are_gone_and_a_key_may_have_several_values() -> None:
    assert by_key(variables(OTHER="x")) == {"OTHER": "x", GIT_CONFIG: {"a.b": ["1", "2"]}}


@pytest.mark.parametrize(
    "changed", [{"GIT_CONFIG_COUNT": "3"}, {"GIT_CONFIG_COUNT": "x"}, {"GIT_CONFIG_COUNT": "99999"}]
)
def test_what_git_could_not_read_stays_as_it_is(changed: dict[str, str]) -> None:
    found = variables(**changed)
    assert by_key(found) == found


def test_variables_that_were_added_by_hand_stay() -> None:
    assert by_key(variables(GIT_CONFIG_KEY_7="c.d"))["GIT_CONFIG_KEY_7"] == "c.d"


def test_every_entry_of_the_program_is_that_of_a_repository_a_host_or_of_git_itself() -> None:
    settings = settings_of(
        stack(
            dags={
                **stack()["dags"],
                "submodules": [{"repo": "https://h.example.com/a/b", "connection": "git"}],
            }
        )
    )
    environment = git_access(settings, authorities={"git": "PEM"}).environment
    listed = {item["name"]: item.get("value", item) for item in (each.manifest() for each in environment)}
    for key, value in by_key(listed)[GIT_CONFIG].items():
        assert repository_of(key, value) or host_of(key) or key == "fetch.recurseSubmodules", key
        assert "GIT_CONFIG_VALUE" not in str(value)
