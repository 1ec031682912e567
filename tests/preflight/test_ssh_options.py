"""A connection in a Secret of the user's, whose ssh options decide about submodules over SSH."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from delivery.git_access import SSH_CONFIG
from domain.connection_secret import CONNECTION_KEY, HEADER_KEY, airflow_connection, http_header
from preflight.report import Report
from tests.preflight.conftest import TOKEN, GitStack, Trial, expect, expect_nothing, only
from tests.support.kube_objects import kubectl, make
from tests.support.ssh_server import SshServer, ssh_server

pytestmark = pytest.mark.preflight

AT = "connections.git.existingSecret"


@pytest.fixture
def namespace(trial: Trial) -> Iterator[str]:
    """The agents' namespace, made as this stack makes it."""
    name = str(trial.config["agent"]["namespace"])
    make(trial.environment, "Namespace", name, labels={"astro-dbt/stack": "astro-dbt.dev"})
    yield name
    kubectl(trial.environment, "delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.fixture
def sshd(git_stack: GitStack, tmp_path: Path) -> Iterator[SshServer]:
    """The stack's repositories over SSH."""
    with ssh_server(tmp_path / "sshd", git_stack.server.root) as server:
        git_stack.link("dags/dbt/jaffle", server.url("analytics/jaffle.git"), git_stack.pin)
        yield server


def _look(stack: GitStack, trial: Trial, server: SshServer, extra: dict[str, str]) -> Report:
    """Look at a stack whose Dag repository opens by a Secret of the cluster and whose project opens by a deploy key."""
    url = stack.config["dags"]["repo"]
    connection = airflow_connection(url, login="robot", password=TOKEN, extra=extra)
    data = {CONNECTION_KEY: connection, HEADER_KEY: http_header("robot", TOKEN)}
    make(trial.environment, "Secret", "git-login", trial.config["agent"]["namespace"], stringData=data)
    git: dict[str, Any] = {**stack.config["connections"]["git"], "existingSecret": "git-login"}
    del git["login"]
    return stack.look(
        agent=trial.config["agent"],
        connections={"git": git, "deploy": {"type": "ssh"}},
        credentials={"deploy": {"privateKey": server.key("analytics/jaffle.git")}},
        dbtProjects=stack.project(repo=server.url("analytics/jaffle.git"), connection="deploy"),
        preflight={"checks": only("git", "cluster"), "timeout": 30},
    )


def test_the_options_of_a_connection_in_the_cluster_are_those_of_the_look(
    git_stack: GitStack, trial: Trial, namespace: str, sshd: SshServer
) -> None:
    good = {"ssh_config_file": SSH_CONFIG, "strict_host_key_checking": "accept-new"}
    expect_nothing(_look(git_stack, trial, sshd, good))
    report = _look(git_stack, trial, sshd, {**good, "strict_host_key_checking": "yes"})
    expect(report, "git.reach", "host-key", at="connections.deploy.knownHosts", says="analytics/jaffle.git")
    report = _look(git_stack, trial, sshd, {})
    expect(report, "git.connection", "incomplete", at=AT, says="no ssh_config_file")
    assert TOKEN not in str(report)
