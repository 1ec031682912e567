"""Spellings of addresses, in the stack and in .gitmodules, as Git with the agents' configuration treats them."""

from __future__ import annotations

import pytest

import delivery
from clients.git import Session
from preflight.agents_access import agents_access
from tests.preflight.conftest import GitStack, expect, expect_nothing
from tests.support.repositories import Repository
from tests.support.stacks import SSH_KEY, settings_of, stack

AZURE = "https://dev.azure.com/acme/data/_git/dbt"
AZURE_SSH = "git@ssh.dev.azure.com:v3/acme/data/dbt"
CODECOMMIT = "ssh://APKAEXAMPLE@git-codecommit.eu-west-1.amazonaws.com/v1/repos/dbt"


def _session(repo: str, kind: str, **changes: object) -> Session:
    """Git as the agents have it, for a project in ``repo`` that a connection of its own opens."""
    credential = {"privateKey": SSH_KEY} if kind == "ssh" else {"password": "canary-dbt"}
    project = {"name": "jaffle", "path": "dags/dbt/jaffle", "repo": repo, "connection": "dbt", **changes}
    settings = settings_of(
        stack(
            dags={"repo": "https://git.example.com/platform/dags.git"},
            connections={"dbt": {"type": kind}},
            credentials={"dbt": credential},
            dbtProjects=[project],
        )
    )
    view = agents_access(settings, delivery.plan(settings, authorities={}), settings.git_bundles[0])
    return Session(view.access, timeout=20)


@pytest.mark.parametrize(
    ("repo", "written", "meant"),
    [
        (AZURE_SSH, AZURE, "git@astro-dbt-dbt:v3/acme/data/dbt"),
        (AZURE_SSH, "https://acme@dev.azure.com/acme/data/_git/dbt", "git@astro-dbt-dbt:v3/acme/data/dbt"),
        (AZURE_SSH, "https://acme.visualstudio.com/data/_git/dbt", "git@astro-dbt-dbt:v3/acme/data/dbt"),
        (
            "ssh://git@bb.corp:7999/dp/dbt.git",
            "https://bb.corp/scm/dp/dbt.git",
            "git@astro-dbt-dbt:/dp/dbt.git",
        ),
        (CODECOMMIT, CODECOMMIT.replace("APKAEXAMPLE@", ""), "APKAEXAMPLE@astro-dbt-dbt:/v1/repos/dbt"),
        (CODECOMMIT, CODECOMMIT, "APKAEXAMPLE@astro-dbt-dbt:/v1/repos/dbt"),
        ("git@git.corp:a/dbt.git", "ssh://git@git.corp/a/dbt.git", "git@astro-dbt-dbt:a/dbt.git"),
        ("git@git.corp:/srv/dbt.git", "ssh://git@git.corp/srv/dbt.git", "git@astro-dbt-dbt:/srv/dbt.git"),
        ("git@Git.corp:a/dbt.git", "git@Git.corp:a/dbt.git", "git@astro-dbt-dbt:a/dbt.git"),
        ("git@github.com:a/dbt", "git@github.com:a/dbt.git", "git@astro-dbt-dbt:a/dbt"),
        ("git@github.com:a/dbt.git", "ssh://git@ssh.github.com:443/a/dbt.git", "git@astro-dbt-dbt:a/dbt.git"),
        (
            "git@github.com:a/dbt.git",
            "https://github.com/a/dbt-macros.git",
            "https://github.com/a/dbt-macros.git",
        ),
    ],
)
def test_git_sends_every_spelling_to_the_key_of_its_repository(repo: str, written: str, meant: str) -> None:
    with _session(repo, "ssh") as session:
        assert session.git("ls-remote", "--get-url", written).stdout.decode().strip() == meant


@pytest.mark.parametrize(
    ("repo", "written"),
    [
        (AZURE, AZURE),
        (AZURE, "https://acme@dev.azure.com/acme/data/_git/dbt"),
        (AZURE, AZURE_SSH),
        ("https://bb.corp/scm/dp/dbt.git", "ssh://git@bb.corp:7999/dp/dbt.git"),
        ("https://h.example:8443/a/b.git", "https://me@H.example:8443/a/b"),
    ],
)
def test_git_sends_the_header_to_every_spelling(repo: str, written: str) -> None:
    with _session(repo, "https") as session:
        url = session.git("ls-remote", "--get-url", written).stdout.decode().strip()
        found = session.git("config", "--get-urlmatch", "http.extraHeader", url).stdout.decode()
    assert found.startswith("Authorization: Basic ")


def test_a_project_names_a_spelling_that_no_pattern_knows() -> None:
    with _session("git@git.corp:a/dbt.git", "ssh", spellings=["https://mirror.corp/x/dbt.git"]) as session:
        url = session.git("ls-remote", "--get-url", "https://mirror.corp/x/dbt.git").stdout.decode().strip()
    assert url == "git@astro-dbt-dbt:a/dbt.git"


def test_a_user_in_the_address_of_gitmodules_is_not_a_credential(git_stack: GitStack) -> None:
    url = git_stack.server.url("analytics/jaffle.git").replace("https://", "https://acme@")
    git_stack.link("dags/dbt/jaffle", url, git_stack.pin)
    expect_nothing(git_stack.look())


def test_a_token_as_the_user_of_an_address_is_a_credential(git_stack: GitStack) -> None:
    url = git_stack.server.url("analytics/jaffle.git").replace("https://", "https://glpat-canary-0123456789@")
    git_stack.link("dags/dbt/jaffle", url, git_stack.pin)
    finding = expect(git_stack.look(), "git.submodule-url", "credentials", at="dbtProjects[0].path")
    assert "canary" not in str(finding)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ssh://git@ssh.dev.azure.com:v3/acme/data/dbt", "write git@ssh.dev.azure.com:v3/acme/data/dbt"),
        ("https://github.com:acme/x.git", "write https://github.com/acme/x.git"),
        ("https://[::1/x.git", "has a host that cannot be read"),
    ],
)
def test_an_address_in_gitmodules_that_cannot_be_read(git_stack: GitStack, url: str, says: str) -> None:
    git_stack.link("dags/dbt/jaffle", url, git_stack.pin)
    report = git_stack.look()
    expect(report, "git.submodule-url", "unreadable", at="dbtProjects[0].path", says=says)
    assert {item.check for item in report.errors} == {"git.submodule-url"}


def test_bitbucket_registered_over_ssh_is_fetched_over_https(git_stack: GitStack) -> None:
    dbt = Repository(git_stack.server.root / "scm/dp/dbt.git")
    pin = dbt.commit({"dbt_project.yml": "name: jaffle\n"})
    git_stack.grant("scm/dp/dbt.git")
    git_stack.link("dags/dbt/jaffle", "ssh://git@127.0.0.1:7999/dp/dbt.git", pin)
    report = git_stack.look(dbtProjects=git_stack.project(repo=git_stack.server.url("scm/dp/dbt.git")))
    expect_nothing(report)
    assert report.projects["jaffle"].commit == pin
