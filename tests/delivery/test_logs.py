"""Task logs: variables, volumes, and Vector's configuration."""

from __future__ import annotations

from typing import Any

from delivery.logs import log_environment, log_volumes, sidecar_values, vector_config
from settings.agent import Agent
from tests.support.stacks import settings_of, with_agent


def agent(**logs: Any) -> Agent:
    return settings_of(with_agent(logs=logs)).agent


def test_without_logs_nothing_is_sent() -> None:
    bare = settings_of(with_agent()).agent
    assert list(log_environment(bare)) == []
    assert log_volumes(bare) == ([], [])
    assert sidecar_values(bare) is None


def test_remote_logging_is_three_variables_and_a_connection() -> None:
    names = {item.name: item.value for item in log_environment(agent(remote={"folder": "gs://bucket/logs"}))}
    assert names["AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER"] == "gs://bucket/logs"
    assert names["AIRFLOW__LOGGING__REMOTE_LOGGING"] == "True"
    assert "AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID" not in names
    connected = log_environment(agent(remote={"folder": "gs://b/l", "connection": "logs"}))
    assert ("AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID", "logs") in [(item.name, item.value) for item in connected]


def test_every_sink_reads_the_task_logs_unless_it_says_otherwise() -> None:
    sinks = {"a": {"type": "console"}, "b": {"type": "console", "inputs": ["mine"]}}
    logs = agent(sidecar={"sinks": sinks}).logs
    assert logs is not None
    assert logs.sidecar is not None
    config = vector_config(logs.sidecar)
    assert config["sources"]["task_logs"]["include"] == ["/usr/local/airflow/logs/**/*.log"]
    assert [config["sinks"][name]["inputs"] for name in ("a", "b")] == [["task_logs"], ["mine"]]


def test_a_whole_configuration_is_left_alone() -> None:
    own = {"sources": {"s": {"type": "stdin"}}, "sinks": {"c": {"type": "console", "inputs": ["s"]}}}
    values = sidecar_values(agent(sidecar={"config": own}))
    assert values is not None
    assert values["config"] == own


def test_the_agent_mounts_the_logs_and_the_sidecar_its_positions_too() -> None:
    stack = agent(sidecar={"sinks": {"a": {"type": "console"}}})
    volumes, mounts = log_volumes(stack)
    values = sidecar_values(stack)
    assert values is not None
    assert {volume["name"] for volume in volumes} == {mount["name"] for mount in values["volumeMounts"]}
    assert [mount["name"] for mount in mounts] == ["task-logs"]
