"""Disk of the agents' Pods against the size of the Dag repository."""

from __future__ import annotations

from typing import Any

import pytest

from preflight.report import Report
from tests.preflight.conftest import GitStack, expect, only, report_of
from tests.support.repositories import Repository

FILES = 600


@pytest.fixture
def large(git_stack: GitStack) -> GitStack:
    """A Dag repository whose files take 26 MiB in the eleven checkouts of an agent."""
    git_stack.dags.commit({f"dags/dag_{number}.py": f"{number}\n" for number in range(FILES)})
    return git_stack


def _report(stack: GitStack, **agent: Any) -> Report:
    changed = {**stack.config["agent"], **agent}
    return stack.report(agent=changed, preflight={"checks": only("git")})


def _limit(amount: str) -> dict[str, Any]:
    return {"resources": {"limits": {"ephemeral-storage": amount}}}


def _found(report: Report) -> list[str]:
    return [item.key for item in report.findings if item.check == "git.disk"]


def test_a_limit_below_what_the_checkouts_take(large: GitStack) -> None:
    workers = [{"name": "small", "queues": ["small"], **_limit("20Mi")}, {"name": "large", **_limit("1Gi")}]
    report = _report(large, workers=workers, dagProcessor=_limit("20Mi"))
    found = expect(
        report, "git.disk", "small", at="agent.workers[0].resources", says="limits ephemeral-storage to 20Mi"
    )
    assert "10 versions" in found.message
    assert "write 1Gi or more" in found.message
    expect(report, "git.disk", "small", at="agent.dagProcessor.resources")
    assert len(_found(report)) == 2


def test_agents_that_keep_fewer_versions_need_less(large: GitStack) -> None:
    fewer = {"AIRFLOW__DAG_PROCESSOR__STALE_BUNDLE_CLEANUP_MIN_VERSIONS": "2"}
    report = _report(large, workers=[{"name": "small", "env": fewer, **_limit("20Mi")}])
    assert _found(report) == []


@pytest.mark.parametrize(
    "worker",
    [
        {},
        {"resources": {"requests": {"ephemeral-storage": "1Mi"}}},
    ],
)
def test_the_charts_limit_and_no_limit(large: GitStack, worker: dict[str, Any]) -> None:
    assert _found(_report(large, workers=[{"name": "w", **worker}])) == []


def _second(large: GitStack, **arguments: Any) -> list[dict[str, Any]]:
    """A second bundle with as many files, of which half are in `kept`."""
    other = Repository(large.server.root / "finance/dags.git")
    folders = ("kept", "left")
    other.commit({f"{folders[number % 2]}/dag_{number}.py": f"{number} other\n" for number in range(FILES)})
    large.grant("finance/dags.git")
    second = {"repo": large.server.url("finance/dags.git"), "connection": "git", "arguments": arguments}
    return [{**large.config["dags"], "name": "sales"}, {**second, "name": "finance"}]


def test_bundles_count_together(large: GitStack) -> None:
    dags = _second(large)
    config = {**large.config, "agent": {**large.config["agent"], "dagProcessor": _limit("40Mi")}}
    config |= {"dags": dags, "dbtProjects": [{**large.config["dbtProjects"][0], "bundle": "sales"}]}
    report = report_of(config)
    found = expect(report, "git.disk", "small", at="agent.dagProcessor.resources", says="2 Dag repositories")
    assert f"{2 * FILES + 3} files" in found.message
    alone = {**large.config, "agent": config["agent"]}
    assert _found(report_of(alone)) == [], "one of them fits"


def test_folders_that_a_sparse_checkout_leaves_out_do_not_count(large: GitStack) -> None:
    dags = _second(large, sparse_dirs=["kept/"])
    config = {**large.config, "agent": {**large.config["agent"], "dagProcessor": _limit("1Mi")}}
    config |= {"dags": dags, "dbtProjects": [{**large.config["dbtProjects"][0], "bundle": "sales"}]}
    found = expect(report_of(config), "git.disk", "small", at="agent.dagProcessor.resources")
    assert f"{FILES + FILES // 2 + 3} files" in found.message
