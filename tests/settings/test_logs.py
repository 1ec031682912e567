"""Where task logs go."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.stacks import problems, settings_of, with_agent

SINKS = {"store": {"type": "aws_s3", "bucket": "logs"}}


@pytest.mark.parametrize(
    ("agent", "key", "says"),
    [
        ({"logs": {}}, "agent.logs", "is empty; write sidecar or remote"),
        ({"logs": {"sidecar": {}}}, "agent.logs.sidecar", "has neither sinks nor config"),
        (
            {"logs": {"sidecar": {"sinks": SINKS, "config": {"sinks": SINKS}}}},
            "agent.logs.sidecar",
            "has both sinks and config",
        ),
        (
            {"logs": {"sidecar": {"sinks": {"x": {"type": "http", "auth": {"password": "canary"}}}}}},
            "agent.logs.sidecar",
            "contains sinks.x.auth.password in plain text; write ${NAME}",
        ),
        ({"logs": {"remote": {"folder": "/tmp/logs"}}}, "agent.logs.remote.folder", "matches"),
        (
            {
                "logs": {"remote": {"folder": "s3://bucket/logs"}},
                "env": {"AIRFLOW__LOGGING__REMOTE_LOGGING": "True"},
            },
            "agent.env.AIRFLOW__LOGGING__REMOTE_LOGGING",
            "use agent.logs.remote",
        ),
        (
            {"logs": {"sidecar": {"sinks": SINKS, "preStopSeconds": 9}}, "chart": {"version": "1.0.2"}},
            "agent.logs.sidecar.preStopSeconds",
            "needs chart 2.0.0",
        ),
    ],
)
def test_mistakes(agent: dict[str, Any], key: str, says: str) -> None:
    ((found, sentence),) = problems(with_agent(**agent)).items()
    assert found == key
    assert says in sentence
    assert "canary" not in sentence


def test_a_reference_to_a_variable_is_no_credential() -> None:
    sinks = {"x": {"type": "http", "auth": {"password": "${KEY}"}}}
    env = {"KEY": {"secret": "s", "key": "k"}}
    assert settings_of(with_agent(logs={"sidecar": {"sinks": sinks, "env": env}})).agent.logs is not None


def test_raw_variables_of_remote_logging_stay_possible() -> None:
    env = {"AIRFLOW__LOGGING__REMOTE_LOGGING": "True"}
    assert settings_of(with_agent(env=env)).agent.env == env
