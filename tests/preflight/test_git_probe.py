"""The Dag repository, in every state that a check knows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.git import session
from preflight.report import Report
from tests.preflight.conftest import TOKEN, GitStack, expect, expect_nothing, only
from tests.support.repositories import Repository
from tests.support.ssh_server import SshServer


def test_a_good_stack(git_stack: GitStack) -> None:
    report = git_stack.report()
    expect_nothing(report)
    facts = report.projects["jaffle"]
    assert facts.repository == git_stack.server.url("analytics/jaffle.git")
    assert (facts.commit, facts.behind, facts.dbt_name) == (git_stack.pin, 0, "jaffle")


def test_a_good_stack_with_an_image_reads_only_the_dags(git_stack: GitStack) -> None:
    git_stack.server.hidden.add("analytics/jaffle.git")
    report = git_stack.report(
        delivery="agent-image",
        dbtProjects=git_stack.project(source="examples/dbt-project"),
        preflight={"checks": only("git")},
    )
    expect_nothing(report)


def test_a_host_that_is_down(git_stack: GitStack) -> None:
    git_stack.server.stop()
    report = git_stack.report()
    expect(report, "git.reach", "unreachable", at="dags.repo", says="cannot be reached")


def test_a_host_that_hangs_costs_seconds(git_stack: GitStack) -> None:
    git_stack.server.delay = 120
    begun = time.monotonic()
    report = git_stack.report(preflight={"checks": only("git"), "timeout": 2})
    assert time.monotonic() - begun < 30
    expect(report, "git.reach", "timeout", at="dags.repo", says="within 2 s")


def test_an_untrusted_certificate(git_stack: GitStack) -> None:
    report = git_stack.report(connections={"git": {"type": "https", "login": "robot"}})
    expect(report, "git.reach", "tls", at="connections.git.caBundle", says="platform/dags.git")


def test_a_wrong_token_is_found_for_both_repositories(git_stack: GitStack) -> None:
    report = git_stack.report(credentials={"git": {"password": "canary-wrong-token"}})
    refused = [item for item in report.errors if (item.check, item.case) == ("git.auth", "refused")]
    assert {"platform/dags.git" in str(item) for item in refused} == {True, False}
    assert "--path 'credentials.git.password'" in str(refused[0])
    assert not [item for item in report.findings if "canary" in str(item)]


def test_one_wrong_token(git_stack: GitStack) -> None:
    git_stack.grant("platform/dags.git", "canary-other")
    git_stack.grant("analytics/jaffle.git")
    expect(git_stack.report(), "git.auth", "refused", at="credentials.git", says="platform/dags.git")


def test_a_private_repository_without_connection(git_stack: GitStack) -> None:
    git_stack.server.grants.pop("analytics/jaffle.git")
    report = git_stack.report(
        dags={"repo": git_stack.server.url("platform/dags.git"), "connection": "public"},
        dbtProjects=git_stack.project(connection=None, repo=None),
        connections={
            "public": {"type": "https", "anonymous": True, "caBundle": str(git_stack.server.authority)}
        },
        credentials=None,
    )
    expect(report, "git.auth", "private", at="dags.connection")


def test_a_repository_that_does_not_exist(git_stack: GitStack) -> None:
    report = git_stack.report(dags={"repo": git_stack.server.url("platform/dogs.git")})
    expect(report, "git.auth", "not-found", at="dags.repo", says="dogs.git")


def test_a_branch_that_does_not_exist(git_stack: GitStack) -> None:
    expect(
        git_stack.report(dags={"ref": "mian"}), "git.ref", "missing", at="dags.ref", says="write main if you"
    )


def test_a_commit_that_does_not_exist(git_stack: GitStack) -> None:
    expect(git_stack.report(dags={"ref": "1" * 40}), "git.ref", "missing", at="dags.ref")


def test_a_tag_and_a_commit_are_refs(git_stack: GitStack) -> None:
    git_stack.dags.tag("v1")
    expect_nothing(git_stack.report(dags={"ref": "v1"}))


def test_an_empty_repository(git_stack: GitStack) -> None:
    Repository(git_stack.server.root / "platform/empty.git")
    report = git_stack.report(dags={"repo": git_stack.server.url("platform/empty.git")})
    expect(report, "git.ref", "missing", at="dags.ref", says="the repository is empty")


def test_a_folder_that_does_not_exist(git_stack: GitStack) -> None:
    report = git_stack.report(dags={"subdir": "dgs"})
    expect(report, "git.subdir", "missing", at="dags.subdir", says="write dags if you meant that")


def test_a_file_is_not_a_folder(git_stack: GitStack) -> None:
    expect(git_stack.report(dags={"subdir": "dags/dag.py"}), "git.subdir", "missing", at="dags.subdir")


def test_a_path_without_submodule(git_stack: GitStack) -> None:
    report = git_stack.report(dbtProjects=git_stack.project(path="dags/dbt/jafle"))
    finding = expect(report, "git.submodule", "missing", at="dbtProjects[0].path")
    assert "write dags/dbt/jaffle if you meant that" in finding.message
    assert "git submodule add https://" in finding.message


def test_a_submodule_that_gitmodules_does_not_list(git_stack: GitStack) -> None:
    git_stack.dags.commit({".gitmodules": ""})
    report = git_stack.report()
    expect(report, "git.submodule", "unregistered", at="dbtProjects[0].path", says="git submodule add")


def test_a_submodule_that_only_gitmodules_lists(git_stack: GitStack) -> None:
    text = (git_stack.dags.tree / ".gitmodules").read_text()
    url = git_stack.server.url("analytics/other.git")
    more = f'{text}[submodule "o"]\n\tpath = dags/dbt/other\n\turl = {url}\n'
    git_stack.dags.commit({".gitmodules": more})
    report = git_stack.report(
        dbtProjects=git_stack.project(path="dags/dbt/other", repo=None, connection=None)
    )
    expect(report, "git.submodule", "uncommitted", at="dbtProjects[0].path", says=url)


def test_an_ordinary_folder_instead_of_a_submodule(git_stack: GitStack) -> None:
    report = git_stack.report(dbtProjects=git_stack.project(path="dags/plain"))
    expect(report, "git.submodule", "folder", at="dbtProjects[0].path", says="submodule: false")


def test_a_project_in_the_dag_repository_itself(git_stack: GitStack) -> None:
    plain = {"name": "plain", "path": "dags/plain", "submodule": False}
    report = git_stack.report(dbtProjects=[plain, *git_stack.project()])
    expect_nothing(report)
    assert report.projects["plain"].dbt_name == "plain"


def test_a_project_folder_that_does_not_exist(git_stack: GitStack) -> None:
    plain = {"name": "plain", "path": "dags/plian", "submodule": False}
    report = git_stack.report(dbtProjects=[plain])
    expect(report, "git.submodule", "no-folder", at="dbtProjects[0].path", says="write dags/plain")


def test_a_submodule_declared_as_a_folder(git_stack: GitStack) -> None:
    report = git_stack.report(dbtProjects=git_stack.project(submodule=False))
    expect(report, "git.submodule", "is-submodule", at="dbtProjects[0].submodule")


@pytest.fixture
def other_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is all of PATH; Git's version is asked for once per run, so it is asked for again."""
    monkeypatch.setenv("PATH", str(tmp_path))
    session.git_version.cache_clear()
    yield tmp_path
    session.git_version.cache_clear()


def test_a_machine_without_git(git_stack: GitStack, other_path: Path) -> None:
    expect(git_stack.report(), "git.reach", "tool", at="dags.repo", says="git is not installed")


def test_a_machine_with_an_old_git(git_stack: GitStack, other_path: Path) -> None:
    old = other_path / "git"
    old.write_text("#!/bin/sh\necho git version 2.20.1\n")
    old.chmod(0o755)
    expect(git_stack.report(), "git.reach", "tool", at="dags.repo", says="2.20")


def test_a_host_that_does_not_speak_git(git_stack: GitStack) -> None:
    git_stack.server.nonsense.add("platform/dags.git")
    expect(git_stack.report(), "git.reach", "other", at="dags.repo", says="git ls-remote")


def test_a_certificate_without_any_connection(git_stack: GitStack) -> None:
    report = git_stack.report(
        dags={"repo": git_stack.server.url("platform/dags.git"), "connection": None},
        dbtProjects=git_stack.project(connection=None, repo=None),
        connections={},
        credentials=None,
    )
    expect(report, "git.reach", "tls", at="dags.connection", says="set the connection's caBundle")


def _over_ssh(stack: GitStack, server: SshServer, key: str, known_hosts: str) -> Report:
    stack.link("dags/dbt/jaffle", server.url("analytics/jaffle.git"), stack.pin)
    return stack.report(
        dags={"repo": server.url("platform/dags.git"), "connection": "deploy"},
        dbtProjects=stack.project(repo=server.url("analytics/jaffle.git"), connection="deploy"),
        connections={"deploy": {"type": "ssh", "knownHosts": known_hosts}},
        credentials={"deploy": {"privateKey": key}},
    )


def test_deploy_keys(git_stack: GitStack, sshd: SshServer) -> None:
    both = sshd.key("platform/dags.git", "analytics/jaffle.git")
    report = _over_ssh(git_stack, sshd, both, sshd.known_hosts)
    expect_nothing(report)
    assert report.projects["jaffle"].commit == git_stack.pin
    one = sshd.key("platform/dags.git")
    report = _over_ssh(git_stack, sshd, one, sshd.known_hosts)
    assert {item.check for item in report.errors} == {"git.auth"}
    assert "PRIVATE KEY" not in str(report)


def test_an_unexpected_host_key(git_stack: GitStack, sshd: SshServer) -> None:
    other = " ".join([*sshd.known_hosts.split()[:2], "AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43])
    report = _over_ssh(git_stack, sshd, sshd.key("platform/dags.git"), other)
    says = "platform/dags.git"
    expect(report, "git.reach", "host-key", at="connections.deploy.knownHosts", says=says)


def test_credentials_in_a_backend_are_not_verified(git_stack: GitStack) -> None:
    report = git_stack.report(
        connections={"git": {"type": "https", "backend": True}},
        credentials=None,
        dbtProjects=git_stack.project(connection=None, repo=None),
    )
    expect(report, "git.connection", "unknown", at="connections.git", says="secrets backend")


def test_the_cost_does_not_grow_with_history(git_stack: GitStack) -> None:
    git_stack.server.forget()
    git_stack.report()
    before, requests = git_stack.server.bytes_sent, len(git_stack.server.asked)
    for number in range(30):
        git_stack.dags.commit({"big.txt": f"{number}\n" * 20_000})
    git_stack.server.forget()
    git_stack.report()
    assert len(git_stack.server.asked) == requests <= 24
    assert git_stack.server.bytes_sent < before + 2_000
    assert TOKEN not in str(git_stack.server.asked)


def test_links_of_the_repository_are_followed(git_stack: GitStack) -> None:
    tree = git_stack.dags.tree
    (tree / "dags/wh").symlink_to("../warehouse")
    (tree / "entry").symlink_to("dags")
    (tree / "up").symlink_to("../..")
    (tree / "round").symlink_to("round")
    (tree / "file").symlink_to("dags/dag.py")
    (tree / "nowhere").symlink_to("dags/gone")
    (tree / "warehouse").mkdir()
    (tree / "warehouse/dbt_project.yml").symlink_to("../dags/wh.yml")
    git_stack.dags.commit({"dags/wh.yml": "name: wh\n"})
    projects = [
        *git_stack.project(path="entry/dbt/jaffle"),
        {"name": "wh", "path": "dags/wh", "submodule": False},
    ]
    dags = {**git_stack.config["dags"], "subdir": "entry"}
    report = git_stack.report(dags=dags, dbtProjects=projects)
    expect_nothing(report)
    assert report.projects["wh"].dbt_name == "wh"
    assert report.projects["jaffle"].commit == git_stack.pin
    for path in ("up/x", "round"):
        report = git_stack.report(dbtProjects=[{"name": "wh", "path": path, "submodule": False}])
        expect(report, "git.submodule", "link", at="dbtProjects[0].path", says=path)
    for path, target in {"file": "dags/dag.py", "nowhere": "dags/gone"}.items():
        report = git_stack.report(dbtProjects=[{"name": "wh", "path": path, "submodule": False}])
        says = f"is {path}, a symbolic link to {target}"
        expect(report, "git.submodule", "link-to-nothing", at="dbtProjects[0].path", says=says)
