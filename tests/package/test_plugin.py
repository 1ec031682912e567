"""The plugin: what programs in other languages hear about a mistake."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.errors import InputPropertiesError
from pulumi.provider.server import ComponentInitError

from tests.package import AgentsProvider
from tests.package.test_component import arguments
from tests.support.pulumi_mocks import Recorder

TYPE = "astro-agents:index:AstroAgents"


def inputs(**changes: Any) -> dict[str, Any]:
    given = arguments(**changes)
    return {**given, "dbtProjects": given.pop("dbt_projects"), "agentToken": given.pop("agent_token")}


def test_a_mistake_in_the_arguments_is_the_sentence_alone(recorder: Recorder) -> None:
    with pytest.raises(InputPropertiesError, match=r"^agents:delivery .*; write ") as caught:
        AgentsProvider().construct("agents", TYPE, inputs(delivery="by-mail"))
    assert type(caught.value) is InputPropertiesError


def test_any_other_failure_keeps_its_stack(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("boom")

    monkeypatch.setattr("astro_agents.component._settings", fail)
    with pytest.raises(ComponentInitError, match="boom"):
        AgentsProvider().construct("agents", TYPE, inputs())
