"""A connection in a Secret of the user's, whose ssh options decide about submodules over SSH."""

from __future__ import annotations

from typing import Any

import pytest

from delivery.git_access import SSH_CONFIG
from domain.connection_secret import CONNECTION_KEY, HEADER_KEY, airflow_connection, http_header
from preflight.report import Report
from tests.preflight.conftest import TOKEN, GitStack, Trial, expect, expect_nothing, only
from tests.support.kube_objects import make
from tests.support.ssh_server import SshServer

pytestmark = pytest.mark.preflight

AT = "connections.git.existingSecret"


def _report(stack: GitStack, trial: Trial, server: SshServer, extra: dict[str, str]) -> Report:
    """The findings of a stack whose Dag repository opens with a Secret of the cluster and whose project with a deploy key."""
    stack.link("dags/dbt/jaffle", server.url("analytics/jaffle.git"), stack.pin)
    url = stack.config["dags"]["repo"]
    connection = airflow_connection(url, login="robot", password=TOKEN, extra=extra)
    data = {CONNECTION_KEY: connection, HEADER_KEY: http_header("robot", TOKEN)}
    make(trial.environment, "Secret", "git-login", trial.config["agent"]["namespace"], stringData=data)
    git: dict[str, Any] = {**stack.config["connections"]["git"], "existingSecret": "git-login"}
    del git["login"]
    return stack.report(
        agent=trial.config["agent"],
        connections={"git": git, "deploy": {"type": "ssh"}},
        credentials={"deploy": {"privateKey": server.key("analytics/jaffle.git")}},
        dbtProjects=stack.project(repo=server.url("analytics/jaffle.git"), connection="deploy"),
        preflight={"checks": only("git", "cluster"), "timeout": 30},
    )


def test_the_options_of_a_connection_in_the_cluster_are_those_of_preflight(
    git_stack: GitStack, trial: Trial, namespace: str, sshd: SshServer
) -> None:
    good = {"ssh_config_file": SSH_CONFIG, "strict_host_key_checking": "accept-new"}
    expect_nothing(_report(git_stack, trial, sshd, good))
    report = _report(git_stack, trial, sshd, {**good, "strict_host_key_checking": "yes"})
    expect(report, "git.reach", "host-key", at="connections.deploy.knownHosts", says="analytics/jaffle.git")
    report = _report(git_stack, trial, sshd, {})
    expect(report, "git.connection", "incomplete", at=AT, says="no ssh_config_file")
    assert TOKEN not in str(report)
