"""Fixtures: stacks with real parts, and one family of checks at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import delivery
import preflight
from preflight.catalogue import CHECKS, FAMILIES
from preflight.report import Finding, Report
from settings.authorities import authorities
from tests.support.engine import trial_config
from tests.support.git_server import GitServer, serve
from tests.support.helm import Helm
from tests.support.kube_objects import kubectl, make
from tests.support.repositories import Repository
from tests.support.ssh_server import SshServer, ssh_server
from tests.support.stacks import ROOT, changed, settings_of, stack
from trial.environment import Environment, EnvironmentInfo

TOKEN = "canary-preflight-token"


def off(*families: str) -> dict[str, Any]:
    """Levels with some families switched off."""
    return {name: {"level": "off", "reason": "not part of this test"} for name in families}


def only(*families: str) -> dict[str, Any]:
    """Levels with all families but these switched off."""
    return off(*sorted(FAMILIES - {"preflight"} - set(families)))


def report_of(
    config: dict[str, Any], *, root: Path = ROOT, name: str = "dev", preview: bool = False
) -> Report:
    """Run the checks of a configuration."""
    settings = settings_of(config, root=root)
    plan = delivery.plan(settings, authorities=authorities(settings, root))
    return preflight.run(settings, plan, project="astro-dbt", stack=name, root=root, preview=preview)


def expect(report: Report, check: str, case: str, *, at: str, says: str = "") -> Finding:
    """The one finding of a case at a key, with ``says`` in its message, the documented severity and a documented key."""
    found = [
        item
        for item in report.findings
        if (item.check, item.case, item.key) == (check, case, f"astro-dbt:{at}") and says in item.message
    ]
    assert len(found) == 1, [str(item) for item in report.findings]
    documented = CHECKS[check].cases[case]
    assert found[0].severity == documented.severity
    assert any(_pattern(key).fullmatch(at) for key in documented.keys), f"{check} does not document {at}"
    assert str(found[0]).count("\n") == 0
    assert str(found[0]).endswith(".")
    return found[0]


def _pattern(key: str) -> re.Pattern[str]:
    """What a documented key stands for: `<n>` is a position, other `<…>` and `*` are any name or path.

    With several Dag bundles `dags` has a position too.
    """
    escaped = re.escape(key).replace(r"\*", ".+").replace("<n>", r"\d+")
    escaped = re.sub(r"^dags(?=\\\.)", r"dags(\\[\\d+\\])?", escaped)
    return re.compile(re.sub("<[a-z]+>", ".+", escaped))


def expect_nothing(report: Report, *, but: tuple[str, ...] = ("preflight.level",)) -> None:
    """No errors or warnings at all."""
    rest = [item for item in report.findings if item.severity != "info" and item.check not in but]
    assert not rest, [str(item) for item in rest]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tests with a Git host of their own are no quick ones."""
    if "git_stack" in getattr(item, "fixturenames", ()):
        item.add_marker("git_host")


@dataclass
class GitStack:
    """A stack with repositories on a real Git server, where only Git is checked."""

    server: GitServer
    dags: Repository
    dbt: Repository
    pin: str
    config: dict[str, Any] = field(default_factory=dict)

    def report(self, **changes: Any) -> Report:
        """Run the checks with some keys of the stack changed; None removes one."""
        if isinstance(changes.get("dags"), dict) and isinstance(self.config["dags"], dict):
            changes["dags"] = changed(self.config["dags"], **changes["dags"])
        return report_of(changed(self.config, **changes))

    def project(self, **changes: Any) -> list[dict[str, Any]]:
        """The stack's project with some keys changed; None removes one."""
        return [changed(self.config["dbtProjects"][0], **changes)]

    def link(self, path: str, url: str, commit: str) -> None:
        """Commit a submodule to the Dag repository."""
        self.dags.commit(submodules={path: (url, commit)})

    def with_unread_secret(self) -> dict[str, Any]:
        """Connections: the stack's, and `own` in a Secret that is not read, because the cluster is not checked."""
        git = self.config["connections"]["git"]
        own = {key: value for key, value in git.items() if key != "login"}
        return {"git": git, "own": {**own, "existingSecret": "theirs"}}

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
    created = GitStack(server, dags, dbt, pin)
    dags.commit(
        {"dags/dag.py": "dag\n", "dags/plain/dbt_project.yml": "name: plain\n"},
        submodules={"dags/dbt/jaffle": (server.url("analytics/jaffle.git"), pin)},
    )
    created.grant("platform/dags.git")
    created.grant("analytics/jaffle.git")
    created.config = stack(
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
    yield created
    server.stop()


@dataclass
class Trial:
    """The trial environment and a configuration against it."""

    info: EnvironmentInfo
    environment: Environment
    config: dict[str, Any]

    def report(
        self,
        *families: str,
        agent: dict[str, Any] | None = None,
        timeout: int = 30,
        preview: bool = False,
        **changes: Any,
    ) -> Report:
        """Run the checks of some families with some keys changed; None removes one."""
        levels = {"checks": only(*families), "timeout": timeout}
        agent = {**self.config["agent"], **(agent or {})}
        config = changed(self.config, **{"agent": agent, "preflight": levels, **changes})
        return report_of(config, preview=preview)


@pytest.fixture
def trial(environment: Environment, request: pytest.FixtureRequest) -> Trial:
    """The trial environment, with names that only this test uses."""
    name = f"pf{abs(hash(request.node.nodeid)) % 10**8}"
    info = environment.info()
    config = trial_config(info, name)
    config["agent"]["cluster"]["kubeconfig"] = info.kubeconfig
    config["image"] |= {"packages": ["astronomer-cosmos==1.15.1"], "engine": info.docker_host}
    return Trial(info, environment, config)


@pytest.fixture
def sshd(git_stack: GitStack, tmp_path: Path) -> Iterator[SshServer]:
    """The stack's repositories over SSH; the submodule's address stays https."""
    with ssh_server(git_stack.server.root) as server:
        yield server


OURS = {"astro-dbt/stack": "astro-dbt.dev"}
"""Label of what the trial's stack manages."""


@pytest.fixture
def namespace(trial: Trial) -> Iterator[str]:
    """The agents' namespace, labelled as this stack labels it."""
    name = str(trial.config["agent"]["namespace"])
    make(trial.environment, "Namespace", name, labels=OURS)
    yield name
    kubectl(trial.environment, "delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.fixture
def helm(trial: Trial, namespace: str, tmp_path: Path) -> Helm:
    """Helm in the stack's namespace."""
    return Helm(trial.environment, namespace, tmp_path)


@pytest.fixture(autouse=True)
def _no_docker_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No login of whoever runs the tests."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
