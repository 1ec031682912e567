"""Cloud identities in the stack file."""

from __future__ import annotations

from typing import Any

import pytest

from settings import SettingsError
from tests.support.stacks import settings_of, with_agent

AZURE = {"azure": {"clientId": "00000000-0000-0000-0000-00000000000a"}}
AWS = {"aws": {"roleArn": "arn:aws:iam::123456789012:role/agents"}}


def _worker(**changes: Any) -> dict[str, Any]:
    return {"name": "w", **changes}


@pytest.mark.parametrize(
    ("agent", "key", "says"),
    [
        ({"identity": {}}, "agent.identity", "names no cloud; write one of aws, gcp and azure"),
        ({"identity": {**AWS, **AZURE}}, "agent.identity", "names aws and azure"),
        ({"identity": {"aws": {"roleArn": "agents"}}}, "agent.identity.aws.roleArn", "matches"),
        (
            {"identity": AZURE, "env": {"AZURE_CLIENT_ID": "00000000-0000-0000-0000-00000000000b"}},
            "agent.env.AZURE_CLIENT_ID",
            "differs from agent.identity.azure.clientId",
        ),
        (
            {"workers": [_worker(identity=AWS, env={"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x"})]},
            "agent.workers[0].env.AWS_ROLE_ARN",
            "differs from agent.workers[0].identity.aws.roleArn",
        ),
        (
            {
                "chart": {"version": "1.0.2"},
                "workers": [_worker(identity=AWS), {"name": "x", "queues": ["x"]}],
            },
            "agent.workers",
            "different identities, which needs chart 2.0.0",
        ),
        (
            {"chart": {"version": "1.0.2"}, "sentinel": {"identity": AWS}},
            "agent.sentinel.identity",
            "needs chart 2.0.0",
        ),
    ],
)
def test_mistakes(agent: dict[str, Any], key: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(with_agent(**agent))
    assert f"astro-dbt:{key}" in {problem.key for problem in caught.value.problems}
    assert says in str(caught.value)


def test_the_same_client_in_other_letters_passes() -> None:
    env = {"AZURE_CLIENT_ID": "00000000-0000-0000-0000-00000000000A"}
    assert settings_of(with_agent(identity=AZURE, env=env)).agent.identity is not None
