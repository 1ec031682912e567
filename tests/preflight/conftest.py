"""Fixtures: stacks against real parts, one family of checks at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import delivery
import preflight
from preflight.catalogue import CHECKS, FAMILIES
from preflight.report import Finding, Report
from tests.support.engine import trial_config
from tests.support.git_server import GitServer, serve
from tests.support.repositories import Repository
from tests.support.stacks import ROOT, settings_of, stack
from trial.environment import Environment, EnvironmentInfo

TOKEN = "canary-preflight-token"


def off(*families: str) -> dict[str, Any]:
    """Levels with some families switched off."""
    return {name: {"level": "off", "reason": "not part of this test"} for name in families}


def only(*families: str) -> dict[str, Any]:
    """Levels with all families but these switched off."""
    return off(*sorted(FAMILIES - {"preflight"} - set(families)))


def look(config: dict[str, Any], *, root: Path = ROOT, name: str = "dev") -> Report:
    """Run the looks of a configuration."""
    settings = settings_of(config, root=root)
    authorities = {
        connection: (root / found.ca_bundle).read_text()
        for connection, found in settings.connections.items()
        if found.type == "https" and found.ca_bundle
    }
    plan = delivery.plan(settings, authorities=authorities)
    return preflight.run(settings, plan, project="astro-dbt", stack=name, root=root)


def expect(report: Report, check: str, case: str, *, at: str, says: str = "") -> Finding:
    """The one finding of a case at a key that says something, at the severity that the table gives it."""
    found = [
        item
        for item in report.findings
        if (item.check, item.case, item.key) == (check, case, f"astro-dbt:{at}") and says in item.message
    ]
    assert len(found) == 1, [str(item) for item in report.findings]
    assert found[0].severity == CHECKS[check].cases[case].severity
    assert str(found[0]).count("\n") == 0
    assert str(found[0]).endswith(".")
    return found[0]


def expect_nothing(report: Report, *, but: tuple[str, ...] = ("preflight.level",)) -> None:
    """No errors or warnings at all."""
    rest = [item for item in report.findings if item.severity != "info" and item.check not in but]
    assert not rest, [str(item) for item in rest]


@dataclass
class GitStack:
    """A stack whose repositories lie on a real Git server; nothing but Git is looked at."""

    server: GitServer
    dags: Repository
    dbt: Repository
    pin: str
    config: dict[str, Any] = field(default_factory=dict)

    def look(self, **changes: Any) -> Report:
        """Run the looks with some keys of the stack changed; None removes one."""
        config = copy.deepcopy(self.config)
        for key, value in changes.items():
            if value is None:
                config.pop(key, None)
            elif isinstance(value, dict) and isinstance(config.get(key), dict) and key == "dags":
                merged = {**config[key], **value}
                config[key] = {name: item for name, item in merged.items() if item is not None}
            else:
                config[key] = value
        return look(config)

    def project(self, **changes: Any) -> list[dict[str, Any]]:
        """The stack's project with some keys changed; None removes one."""
        merged = {**self.config["dbtProjects"][0], **changes}
        return [{key: value for key, value in merged.items() if value is not None}]

    def link(self, path: str, url: str, commit: str) -> None:
        """Commit a submodule to the Dag repository."""
        self.dags.commit(submodules={path: (url, commit)})

    def grant(self, repository: str, token: str = TOKEN) -> None:
        """Make a repository private to one token."""
        self.server.grants[repository] = [("robot", token)]


@pytest.fixture
def git_stack(tmp_path: Path) -> Iterator[GitStack]:
    """A good stack: a private Dag repository whose submodule is the private dbt project."""
    server = serve(tmp_path / "server")
    dbt = Repository(server.root / "analytics/jaffle.git")
    pin = dbt.commit({"dbt_project.yml": "name: jaffle\nprofile: jaffle\n", "models/a.sql": "select 1\n"})
    dags = Repository(server.root / "platform/dags.git")
    made = GitStack(server, dags, dbt, pin)
    dags.commit({"dags/dag.py": "dag\n", "dags/plain/dbt_project.yml": "name: plain\n"})
    made.link("dags/dbt/jaffle", server.url("analytics/jaffle.git"), pin)
    made.grant("platform/dags.git")
    made.grant("analytics/jaffle.git")
    made.config = stack(
        dags={"repo": server.url("platform/dags.git"), "subdir": "dags", "connection": "git"},
        dbtProjects=[
            {
                "name": "jaffle",
                "path": "dags/dbt/jaffle",
                "repo": server.url("analytics/jaffle.git"),
                "connection": "git",
            }
        ],
        connections={"git": {"type": "https", "login": "robot", "caBundle": str(server.authority)}},
        credentials={"git": {"password": TOKEN}},
        preflight={"checks": only("git", "dbt")},
    )
    yield made
    server.stop()


@dataclass
class Trial:
    """The trial environment and a configuration against it."""

    info: EnvironmentInfo
    environment: Environment
    config: dict[str, Any]

    def look(
        self, *families: str, agent: dict[str, Any] | None = None, timeout: int = 30, **changes: Any
    ) -> Report:
        """Run the looks of some families with some keys changed; None removes one."""
        config = copy.deepcopy(self.config)
        config["agent"] |= agent or {}
        config["preflight"] = {"checks": only(*families), "timeout": timeout}
        for key, value in changes.items():
            if value is None:
                config.pop(key, None)
            else:
                config[key] = value
        return look(config)


@pytest.fixture
def trial(environment: Environment, request: pytest.FixtureRequest) -> Trial:
    """The trial environment, with names of the test's own."""
    name = f"pf{abs(hash(request.node.nodeid)) % 10**8}"
    info = environment.info()
    config = trial_config(info, name)
    config["agent"]["cluster"]["kubeconfig"] = info.kubeconfig
    config["image"] |= {"packages": ["astronomer-cosmos==1.15.1"], "engine": info.docker_host}
    return Trial(info, environment, config)
