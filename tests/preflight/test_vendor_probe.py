"""What the vendor asks of agents and a stack lacks."""

from __future__ import annotations

from typing import Any

import pytest

from preflight.report import Report
from tests.preflight.conftest import expect, expect_nothing, only, report_of
from tests.support.stacks import with_agent

BASE = "images.example.com/agent:{}-python-3.12-astro-agent-1.8.2"
AMAZON, COMMON_IO = "apache-airflow-providers-amazon", "apache-airflow-providers-common-io"


def _report(*, runtime: str = "3.1-3", packages: tuple[str, ...] = (), **agent: Any) -> Report:
    config = with_agent(**agent)
    config["image"] |= {"base": BASE.format(runtime), "packages": ["astronomer-cosmos==1.15.1", *packages]}
    return report_of({**config, "preflight": {"checks": only("agent")}})


def _complete() -> dict[str, Any]:
    return {
        "logs": {"remote": {"folder": "s3://bucket/logs"}},
        "secretsBackend": {"class": "acme.secrets.Backend"},
        "xcom": {"path": "s3://conn@bucket/xcom"},
    }


def test_a_complete_stack_hears_nothing() -> None:
    report = _report(**_complete(), packages=(AMAZON, f"{COMMON_IO}==1.8.0"))
    expect_nothing(report)
    assert not [item for item in report.findings if item.check.startswith("agent.")]


def test_logs_that_are_lost_with_their_pod() -> None:
    expect(_report(), "agent.logs", "lost", at="agent.logs")


@pytest.mark.parametrize(
    "agent",
    [
        {"env": {"AIRFLOW__LOGGING__REMOTE_LOGGING": "True"}},
        {"values": {"loggingSidecar": {"enabled": True}}},
        {"logs": {"sidecar": {"sinks": {"a": {"type": "console"}}}}},
    ],
)
def test_every_way_of_keeping_logs_counts(agent: dict[str, Any]) -> None:
    assert not [item for item in _report(**agent).findings if item.check == "agent.logs"]


def test_stores_that_are_left_to_the_chart() -> None:
    report = _report()
    expect(report, "agent.stores", "secrets-backend", at="agent.secretsBackend")
    expect(report, "agent.stores", "xcom", at="agent.xcom")


def test_airflow_3_3_needs_a_state_store() -> None:
    expect(
        _report(runtime="3.3-1"), "agent.stores", "state-store", at="agent.stateStore", says="Runtime 3.3-1"
    )
    expect(_report(runtime="3.10-1"), "agent.stores", "state-store", at="agent.stateStore", says="3.10-1")
    store: dict[str, Any] = {"stateStore": {"path": "s3://conn@bucket/state"}}
    for runtime in ("3.3-1", "3.10-1"):
        assert not [item for item in _report(runtime=runtime, **store).findings if "state" in item.case]


def test_airflow_before_3_3_has_no_use_for_one() -> None:
    store: dict[str, Any] = {"stateStore": {"path": "s3://conn@bucket/state"}}
    expect(_report(**store), "agent.stores", "too-early", at="agent.stateStore", says="Runtime 3.1-3")


def test_packages_that_the_stores_need() -> None:
    report = _report(
        runtime="3.3-1", stateStore={"path": "s3://conn@bucket/state"}, packages=(f"{COMMON_IO}==1.7.0",)
    )
    expect(report, "agent.packages", "missing", at="agent.stateStore", says=AMAZON)
    expect(report, "agent.packages", "old", at="agent.stateStore", says="1.8.0 or later")


def test_an_unpinned_package_passes() -> None:
    report = _report(runtime="3.3-1", stateStore={"path": "gs://conn@bucket/state"}, packages=(COMMON_IO,))
    found = [item for item in report.findings if item.check == "agent.packages"]
    assert [item.case for item in found] == ["missing"]
    assert "apache-airflow-providers-google" in found[0].message


def test_pod_identity_is_set_up_in_eks() -> None:
    role = "arn:aws:iam::123456789012:role/agents"
    report = _report(triggerer={"identity": {"aws": {"roleArn": role, "by": "pod-identity"}}})
    says = f"--namespace agents --service-account astro-agent-triggerer --role-arn {role}"
    expect(report, "agent.identity", "association", at="agent.triggerer.identity", says=says)


def test_replicas_next_to_autoscaling() -> None:
    scaled = {"name": "w", "autoscaling": {"maxReplicas": 3}}
    report = _report(workers=[{**scaled, "replicas": 2}])
    expect(report, "agent.scaling", "replicas", at="agent.workers[0].replicas", says="is 2, which")
    assert not [item for item in _report(workers=[scaled]).findings if item.check == "agent.scaling"]


def test_keda_starts_again_after_a_change_of_the_release() -> None:
    keda = {"triggers": [{"type": "cron"}]}
    report = _report(
        workers=[{"name": "w", "autoscaling": {"minReplicas": 0, "maxReplicas": 3, "keda": keda}}]
    )
    expect(report, "agent.scaling", "reset", at="agent.workers[0].autoscaling.keda", says="replicas: 1")


@pytest.mark.parametrize(
    ("budget", "replicas", "blocks"),
    [
        ({"minAvailable": 1}, 1, True),
        ({"minAvailable": 1}, 2, False),
        ({"maxUnavailable": 0}, 3, True),
        ({"maxUnavailable": 1}, 1, False),
    ],
)
def test_a_budget_that_keeps_every_pod(budget: dict[str, Any], replicas: int, blocks: bool) -> None:
    report = _report(workers=[{"name": "w", "replicas": replicas}], disruptionBudgets={"workers": budget})
    if blocks:
        expect(report, "agent.scaling", "blocks", at="agent.disruptionBudgets.workers")
    else:
        assert not [item for item in report.findings if item.check == "agent.scaling"]


def test_a_reason_silences_a_check() -> None:
    levels = {**only("agent"), "agent.logs": {"level": "off", "reason": "the platform collects them"}}
    report = report_of({**with_agent(), "preflight": {"checks": levels}})
    assert not [item for item in report.findings if item.check == "agent.logs"]
    assert "the platform collects them" in str([str(item) for item in report.warnings])
