"""Submodules, with the credentials that the agents will have."""

from __future__ import annotations

import pytest

from preflight import submodule_walk
from preflight.submodule_walk import DEEPEST
from tests.preflight.conftest import GitStack, expect, expect_nothing, only
from tests.preflight.samples import (
    edit_gitmodules,
    gitmodules_entry,
)
from tests.support.repositories import Repository, git


def _move(stack: GitStack, *, url: str | None = None, commit: str | None = None) -> None:
    stack.link("dags/dbt/jaffle", url or stack.server.url("analytics/jaffle.git"), commit or stack.pin)


def test_a_relative_address(git_stack: GitStack) -> None:
    _move(git_stack, url="../../analytics/jaffle.git")
    report = git_stack.report()
    absolute = git_stack.server.url("analytics/jaffle.git")
    expect(report, "git.submodule-url", "relative", at="dbtProjects[0].path", says=f"write {absolute} there")


def test_credentials_in_the_address(git_stack: GitStack) -> None:
    url = git_stack.server.url("analytics/jaffle.git").replace("https://", "https://robot:canary-in-url@")
    _move(git_stack, url=url)
    finding = expect(git_stack.report(), "git.submodule-url", "credentials", at="dbtProjects[0].path")
    assert "canary" not in str(finding)


def test_an_address_that_agents_cannot_fetch(git_stack: GitStack) -> None:
    _move(git_stack, url="file:///srv/jaffle.git")
    expect(git_stack.report(), "git.submodule-url", "scheme", at="dbtProjects[0].path")


def test_an_address_without_encryption(git_stack: GitStack) -> None:
    _move(git_stack, url="http://127.0.0.1:9/analytics/jaffle.git")
    report = git_stack.report(dbtProjects=git_stack.project(repo=None, connection=None))
    expect(report, "git.submodule-url", "insecure", at="dbtProjects[0].path")
    expect(report, "git.reach", "unreachable", at="dbtProjects[0].path")


def test_another_address_than_the_stack_says(git_stack: GitStack) -> None:
    Repository(git_stack.server.root / "analytics/other.git").commit({"dbt_project.yml": "name: jaffle\n"})
    report = git_stack.report(dbtProjects=git_stack.project(repo=git_stack.server.url("analytics/other.git")))
    expect(report, "git.submodule-url", "differs", at="dbtProjects[0].repo", says="make the two the same")


def test_an_ssh_address_is_rewritten_as_on_the_agents(git_stack: GitStack) -> None:
    repo = git_stack.server.url("analytics/jaffle.git")
    _move(git_stack, url="git@127.0.0.1:analytics/jaffle.git")
    expect_nothing(git_stack.report(dbtProjects=git_stack.project(repo=repo)))


def test_a_private_submodule_without_connection(git_stack: GitStack) -> None:
    git_stack.grant("analytics/jaffle.git", "canary-another-token")
    report = git_stack.report(dbtProjects=git_stack.project(repo=None, connection=None))
    expect(report, "git.auth", "private", at="dbtProjects[0].connection", says="jaffle.git is private")


def test_a_submodule_that_only_the_dag_repositorys_connection_opens(git_stack: GitStack) -> None:
    report = git_stack.report(dbtProjects=git_stack.project(repo=None, connection=None))
    expect(report, "git.auth", "shared", at="dbtProjects[0].connection", says="1.0.0")
    assert not report.errors


def test_a_public_submodule_needs_no_connection(git_stack: GitStack) -> None:
    git_stack.server.grants.pop("analytics/jaffle.git")
    expect_nothing(git_stack.report(dbtProjects=git_stack.project(repo=None, connection=None)))


def test_a_submodule_with_a_token_of_its_own(git_stack: GitStack) -> None:
    git_stack.grant("analytics/jaffle.git", "canary-own-token")
    authority = str(git_stack.server.authority)
    changes = {
        "connections": {
            "git": {"type": "https", "login": "robot", "caBundle": authority},
            "own": {"type": "https", "login": "robot", "caBundle": authority},
        },
        "dbtProjects": git_stack.project(connection="own"),
    }
    passwords = {"git": {"password": "canary-preflight-token"}, "own": {"password": "canary-own-token"}}
    expect_nothing(git_stack.report(credentials=passwords, **changes))
    passwords["own"] = {"password": "canary-expired-token"}
    report = git_stack.report(credentials=passwords, **changes)
    expect(report, "git.auth", "refused", at="credentials.own", says="credentials.own.password")


def test_a_submodule_that_is_gone(git_stack: GitStack) -> None:
    git_stack.server.hidden.add("analytics/jaffle.git")
    expect(git_stack.report(), "git.auth", "not-found", at="dbtProjects[0].repo")


def test_a_pin_that_was_never_pushed(git_stack: GitStack) -> None:
    _move(git_stack, commit="1" * 40)
    expect(git_stack.report(), "git.pin", "missing", at="dbtProjects[0].path", says="111111111111")


def test_a_pin_on_a_host_that_serves_no_single_commits(git_stack: GitStack) -> None:
    for number in range(3):
        git_stack.dbt.commit({"models/a.sql": f"select {number}\n"})
    git_stack.server.protocol_2 = git_stack.server.any_commit = False
    report = git_stack.report()
    expect(report, "git.lag", "behind", at="dbtProjects[0].path", says="3 commits behind main")
    assert not report.errors


def test_a_pin_that_cannot_be_fetched_in_time(git_stack: GitStack) -> None:
    git_stack.dbt.commit({"models/a.sql": "select 2\n"})
    git_stack.server.stalled.add(git_stack.pin)
    report = git_stack.report(preflight={**git_stack.config["preflight"], "timeout": 3})
    expect(report, "git.pin", "unverified", at="dbtProjects[0].path", says="no answer within")


def test_a_pin_behind_its_branch(git_stack: GitStack) -> None:
    git_stack.dbt.commit({"models/a.sql": "select 2\n"})
    report = git_stack.report()
    expect(report, "git.lag", "behind", at="dbtProjects[0].path", says="1 commit behind main")
    assert report.projects["jaffle"].behind == 1


def test_a_pin_far_behind(git_stack: GitStack) -> None:
    git_stack.dbt.age(2 * submodule_walk.HISTORY)
    assert git_stack.report().projects["jaffle"].behind == f"more than {submodule_walk.HISTORY + 1}"


def test_a_pin_that_was_force_pushed_away(git_stack: GitStack) -> None:
    git("checkout", "--quiet", "--orphan", "new", cwd=git_stack.dbt.tree)
    git_stack.dbt.commit({"models/b.sql": "select 2\n"})
    expect(git_stack.report(), "git.lag", "diverged", at="dbtProjects[0].path", says="no longer part of main")


def test_a_followed_branch_that_does_not_exist(git_stack: GitStack) -> None:
    report = git_stack.report(dbtProjects=git_stack.project(ref="mein"))
    expect(report, "git.lag", "no-ref", at="dbtProjects[0].ref", says="write main")


def test_a_lag_that_would_cost_a_clone(git_stack: GitStack) -> None:
    git_stack.dbt.commit({"models/a.sql": "select 2\n"})
    git_stack.server.filters = False
    report = git_stack.report()
    expect(report, "git.lag", "unknown", at="dbtProjects[0].path")
    assert report.projects["jaffle"].behind is None


def test_the_lag_is_not_counted_when_it_is_off(git_stack: GitStack) -> None:
    git_stack.dbt.commit({"models/a.sql": "select 2\n"})
    checks = only("git", "dbt") | {"git.lag": {"level": "off", "reason": "nobody reads it"}}
    assert git_stack.report(preflight={"checks": checks}).projects["jaffle"].behind is None


def test_two_projects_in_one_submodule(git_stack: GitStack) -> None:
    mono = Repository(git_stack.server.root / "analytics/mono.git")
    pin = mono.commit({"one/dbt_project.yml": "name: one\n", "two/dbt_project.yml": "name: two\n"})
    git_stack.link("dags/mono", git_stack.server.url("analytics/mono.git"), pin)
    projects = [{"name": name, "path": f"dags/mono/{name}"} for name in ("one", "two")]
    report = git_stack.report(dbtProjects=[*projects, *git_stack.project()])
    expect_nothing(report)
    assert {name: facts.dbt_name for name, facts in report.projects.items()} == {
        "one": "one",
        "two": "two",
        "jaffle": "jaffle",
    }


def test_a_nested_submodule_that_no_connection_opens(git_stack: GitStack) -> None:
    nested = Repository(git_stack.server.root / "analytics/macros.git")
    pin = nested.commit({"macros/a.sql": "x"})
    git_stack.grant("analytics/macros.git", "canary-macros")
    git_stack.dbt.commit(submodules={"vendor/macros": (git_stack.server.url("analytics/macros.git"), pin)})
    _move(git_stack, commit=git("rev-parse", "HEAD", cwd=git_stack.dbt.tree))
    report = git_stack.report()
    expect(report, "git.nested", "failing", at="dags.submodules", says="dags/dbt/jaffle/vendor/macros")
    git_stack.grant("analytics/macros.git")
    repo = git_stack.server.url("analytics/macros.git")
    dags = {**git_stack.config["dags"], "submodules": [{"repo": repo, "connection": "git"}]}
    expect_nothing(git_stack.report(dags=dags))


def test_an_unregistered_submodule_that_is_not_a_project(git_stack: GitStack) -> None:
    git("update-index", "--add", "--cacheinfo", f"160000,{git_stack.pin},stray", cwd=git_stack.dags.tree)
    git("commit", "--quiet", "-m", "Stray", cwd=git_stack.dags.tree)
    git("push", "--quiet", str(git_stack.dags.bare), "HEAD:refs/heads/main", cwd=git_stack.dags.tree)
    expect(git_stack.report(), "git.nested", "unregistered", at="dags.submodules", says="stray")


def test_more_submodules_than_are_read(git_stack: GitStack) -> None:
    url = git_stack.server.url("analytics/jaffle.git")
    places = [f"zzz/more-{number:02}" for number in range(submodule_walk.MOST_REPOSITORIES)]
    git_stack.dags.commit(submodules=dict.fromkeys(places, (url, git_stack.pin)))
    expect(git_stack.report(), "git.nested", "unverified", at="dags.submodules", says=places[-1])


def _nest(stack: GitStack, levels: int) -> str:
    """Put a chain of submodules into the dbt project, one in the other; the path of the deepest one."""
    url, pin, path = "", "", "dags/dbt/jaffle"
    for level in range(levels, 0, -1):
        inner = Repository(stack.server.root / f"nested/level{level}.git")
        pin = inner.commit({"a.sql": "x"}, submodules={"next": (url, pin)} if url else {})
        url = stack.server.url(f"nested/level{level}.git")
        path += "/next"
    newest = stack.dbt.commit(submodules={"next": (url, pin)})
    stack.link("dags/dbt/jaffle", stack.server.url("analytics/jaffle.git"), newest)
    return path


def test_submodules_as_deep_as_are_read(git_stack: GitStack) -> None:
    _nest(git_stack, DEEPEST - 1)
    expect_nothing(git_stack.report())


def test_submodules_deeper_than_are_read(git_stack: GitStack) -> None:
    path = _nest(git_stack, DEEPEST)
    finding = expect(
        git_stack.report(), "git.nested", "unverified", at="dags.submodules", says=f"so {path} was"
    )
    assert f"more than {DEEPEST} " in finding.message


def test_a_submodule_of_the_project_that_is_not_registered(git_stack: GitStack) -> None:
    tree = git_stack.dbt.tree
    git("update-index", "--add", "--cacheinfo", f"160000,{git_stack.pin},stray", cwd=tree)
    git("commit", "--quiet", "-m", "Stray", cwd=tree)
    git("push", "--quiet", str(git_stack.dbt.bare), "HEAD:refs/heads/main", cwd=tree)
    git_stack.link("dags/dbt/jaffle", git_stack.server.url("analytics/jaffle.git"), git_stack.dbt.head())
    expect(
        git_stack.report(), "git.nested", "unregistered", at="dags.submodules", says="dags/dbt/jaffle/stray"
    )


def test_a_history_that_is_damaged_on_the_host(git_stack: GitStack) -> None:
    lost = git_stack.dbt.commit({"models/a.sql": "select 2\n"})
    git_stack.dbt.commit({"models/a.sql": "select 3\n"})
    (git_stack.dbt.bare / "objects" / lost[:2] / lost[2:]).unlink()
    report = git_stack.report()
    expect(report, "git.lag", "unknown", at="dbtProjects[0].path")
    expect_nothing(report)
    assert report.projects["jaffle"].behind is None


def test_a_submodule_whose_secret_is_not_read(git_stack: GitStack) -> None:
    report = git_stack.report(
        connections=git_stack.with_unread_secret(), dbtProjects=git_stack.project(connection="own")
    )
    expect(report, "git.connection", "unknown", at="connections.own", says="analytics/jaffle.git")
    assert not report.errors


def test_a_user_in_the_address_of_gitmodules_is_not_a_credential(git_stack: GitStack) -> None:
    url = git_stack.server.url("analytics/jaffle.git").replace("https://", "https://acme@")
    git_stack.link("dags/dbt/jaffle", url, git_stack.pin)
    expect_nothing(git_stack.report())


def test_a_token_as_the_user_of_an_address_is_a_credential(git_stack: GitStack) -> None:
    url = git_stack.server.url("analytics/jaffle.git").replace("https://", "https://glpat-canary-0123456789@")
    git_stack.link("dags/dbt/jaffle", url, git_stack.pin)
    finding = expect(git_stack.report(), "git.submodule-url", "credentials", at="dbtProjects[0].path")
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
    report = git_stack.report()
    expect(report, "git.submodule-url", "unreadable", at="dbtProjects[0].path", says=says)
    assert {item.check for item in report.errors} == {"git.submodule-url"}


def test_bitbucket_registered_over_ssh_is_fetched_over_https(git_stack: GitStack) -> None:
    dbt = Repository(git_stack.server.root / "scm/dp/dbt.git")
    pin = dbt.commit({"dbt_project.yml": "name: jaffle\n"})
    git_stack.grant("scm/dp/dbt.git")
    git_stack.link("dags/dbt/jaffle", "ssh://git@127.0.0.1:7999/dp/dbt.git", pin)
    report = git_stack.report(dbtProjects=git_stack.project(repo=git_stack.server.url("scm/dp/dbt.git")))
    expect_nothing(report)
    assert report.projects["jaffle"].commit == pin


def test_the_branch_of_the_entry_is_followed(git_stack: GitStack) -> None:
    git("checkout", "--quiet", "-b", "develop", cwd=git_stack.dbt.tree)
    tip = git_stack.dbt.commit({"models/a.sql": "select 2\n"}, branch="develop")
    git_stack.link("dags/dbt/jaffle", git_stack.server.url("analytics/jaffle.git"), tip)
    edit_gitmodules(git_stack, *gitmodules_entry(git_stack, "branch = develop"))
    report = git_stack.report()
    expect_nothing(report)
    assert report.projects["jaffle"].behind == 0
    report = git_stack.report(dbtProjects=git_stack.project(ref="main"))
    expect(report, "git.lag", "elsewhere", at="dbtProjects[0].path", says="part of develop and not of main")


def test_a_branch_of_the_entry_that_does_not_exist(git_stack: GitStack) -> None:
    edit_gitmodules(git_stack, *gitmodules_entry(git_stack, "branch = develp"))
    git("push", "--quiet", str(git_stack.dbt.bare), "HEAD:refs/heads/develop", cwd=git_stack.dbt.tree)
    report = git_stack.report()
    expect(
        report, "git.lag", "no-branch", at="dbtProjects[0].path", says="write develop if you meant that there"
    )


def test_links_inside_a_submodule_are_followed(git_stack: GitStack) -> None:
    tree = git_stack.dbt.tree
    (tree / "sales").mkdir()
    (tree / "alias").symlink_to("sales")
    (tree / "up").symlink_to("../..")
    (tree / "sales/dbt_project.yml").symlink_to("../shared/project.yml")
    pin = git_stack.dbt.commit({"shared/project.yml": "name: shop\n", "dbt_project.yml": None})
    _move(git_stack, commit=pin)
    report = git_stack.report(dbtProjects=git_stack.project(name="shop", path="dags/dbt/jaffle/alias"))
    expect_nothing(report)
    assert report.projects["shop"].dbt_name == "shop"
    report = git_stack.report(dbtProjects=git_stack.project(path="dags/dbt/jaffle/up"))
    expect(report, "git.submodule", "link", at="dbtProjects[0].path", says="dags/dbt/jaffle/up")


def test_a_nested_relative_address_that_leads_above_the_host(git_stack: GitStack) -> None:
    pin = git_stack.dbt.commit(submodules={"vendor/macros": ("../../../macros.git", git_stack.pin)})
    _move(git_stack, commit=pin)
    expect(
        git_stack.report(),
        "git.submodule-url",
        "unreadable",
        at="dags.submodules",
        says="leads above 127.0.0.1",
    )


@pytest.mark.parametrize(("where", "opens"), [("x/../", True), ("./", True), ("/", False)])
def test_the_connection_opens_the_addresses_that_gits_header_matches(
    git_stack: GitStack, where: str, opens: bool
) -> None:
    _move(git_stack, url=git_stack.server.url(f"analytics/{where}jaffle.git"))
    report = git_stack.report()
    if opens:
        expect_nothing(report)
    else:
        expect(report, "git.submodule-url", "differs", at="dbtProjects[0].repo")


def test_the_remotes_head_is_followed_without_a_branch(git_stack: GitStack) -> None:
    git("checkout", "--quiet", "-b", "develop", cwd=git_stack.dbt.tree)
    tip = git_stack.dbt.commit({"models/a.sql": "select 2\n"}, branch="develop")
    git("symbolic-ref", "HEAD", "refs/heads/develop", cwd=git_stack.dbt.bare)
    git_stack.link("dags/dbt/jaffle", git_stack.server.url("analytics/jaffle.git"), tip)
    report = git_stack.report()
    expect_nothing(report)
    assert report.projects["jaffle"].behind == 0


def test_a_pin_that_only_the_history_of_a_tag_has_does_not_disappear(git_stack: GitStack) -> None:
    git("checkout", "--quiet", "-b", "release", cwd=git_stack.dbt.tree)
    pin = git_stack.dbt.commit({"models/a.sql": "select 2\n"}, branch="scratch")
    git_stack.dbt.commit({"models/a.sql": "select 3\n"}, branch="scratch")
    git_stack.dbt.tag("v1")
    git("update-ref", "-d", "refs/heads/scratch", cwd=git_stack.dbt.bare)
    git_stack.link("dags/dbt/jaffle", git_stack.server.url("analytics/jaffle.git"), pin)
    report = git_stack.report()
    expect(report, "git.lag", "elsewhere", at="dbtProjects[0].path", says="part of v1")
