"""What Git makes of .gitmodules, and what the report says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import delivery
from clients.git import GitError, Session
from preflight.agents_access import agents_access
from tests.preflight.conftest import GitStack, expect, expect_nothing
from tests.preflight.samples import (
    edit_gitmodules,
    gitmodules_entry,
)
from tests.support.repositories import Repository
from tests.support.stacks import settings_of


def _fetch_as_agents(stack: GitStack, folder: Path, **changes: object) -> Path:
    """Clone the Dag repository and its submodules as the bundle does, with the agents' configuration."""
    settings = settings_of({**stack.config, **changes})
    authorities = {"git": stack.server.authority.read_text()}
    plan = delivery.plan(settings, authorities=authorities)
    view = agents_access(settings, plan, settings.git_bundles[0])
    target = folder / "clone"
    with Session(view.access, timeout=60) as session:
        session.git("clone", "--quiet", view.dags_url, str(target), url=view.dags_url)
        if plan.bundles[0].kwargs.get("submodules"):
            session.git("-C", str(target), "submodule", "update", "--init", "--recursive", url=view.dags_url)
    return target


def test_a_nested_relative_address_is_resolved_against_its_parent(
    git_stack: GitStack, tmp_path: Path
) -> None:
    macros = Repository(git_stack.server.root / "analytics/macros.git")
    pin = macros.commit({"macros/a.sql": "x"})
    git_stack.grant("analytics/macros.git")
    git_stack.pin = git_stack.dbt.commit(submodules={"vendor/macros": ("../macros.git", pin)})
    git_stack.link("dags/dbt/jaffle", git_stack.server.url("analytics/jaffle.git"), git_stack.pin)
    dags = {
        **git_stack.config["dags"],
        "submodules": [{"repo": git_stack.server.url("analytics/macros.git"), "connection": "git"}],
    }
    expect_nothing(git_stack.report(dags=dags))
    clone = _fetch_as_agents(git_stack, tmp_path, dags=dags)
    assert (clone / "dags/dbt/jaffle/vendor/macros/macros/a.sql").read_text() == "x"


def test_gitmodules_with_a_comment_only(git_stack: GitStack) -> None:
    other = Repository(git_stack.server.root / "platform/plain.git")
    other.commit({".gitmodules": "# nothing yet\n", "dags/plain/dbt_project.yml": "name: plain\n"})
    report = git_stack.report(
        dags={**git_stack.config["dags"], "repo": git_stack.server.url("platform/plain.git")},
        dbtProjects=[{"name": "plain", "path": "dags/plain", "submodule": False}],
    )
    expect_nothing(report)


def test_gitmodules_that_git_cannot_read(git_stack: GitStack) -> None:
    edit_gitmodules(git_stack, '[submodule "jaffle"', "  path")
    expect(git_stack.report(), "git.submodule", "invalid", at="dags.repo", says="correct the file")


def test_gitmodules_of_a_submodule_that_git_cannot_read(git_stack: GitStack) -> None:
    pin = git_stack.dbt.commit({".gitmodules": "[broken\n"})
    git_stack.link("dags/dbt/jaffle", git_stack.server.url("analytics/jaffle.git"), pin)
    expect(
        git_stack.report(), "git.submodule", "invalid", at="dbtProjects[0].path", says="analytics/jaffle.git"
    )


@pytest.mark.parametrize("path", ["dags/dbt/jaffle/", "./dags/dbt/jaffle", "dags//dbt/jaffle"])
def test_a_path_with_a_slash_at_its_end(git_stack: GitStack, path: str, tmp_path: Path) -> None:
    edit_gitmodules(git_stack, *gitmodules_entry(git_stack, path=path))
    report = git_stack.report()
    expect(report, "git.submodule", "misspelt", at="dbtProjects[0].path", says="write dags/dbt/jaffle there")
    with pytest.raises(Exception, match=r"[Nn]o url found|no submodule mapping"):
        _fetch_as_agents(git_stack, tmp_path)


@pytest.mark.parametrize(
    "line",
    ["update = !true", "update = sometimes", "shallow = maybe", "fetchRecurseSubmodules = maybe", "update"],
)
@pytest.mark.parametrize("whose", ["jaffle", "other"])
def test_a_value_at_which_git_stops_for_all_submodules(
    git_stack: GitStack, tmp_path: Path, whose: str, line: str
) -> None:
    other = ('[submodule "other"]', "  path = dags/other", "  url = https://git.example.com/a/b.git")
    more = (f"  {line}",)
    lines = (*other, *more) if whose == "other" else (*other, f'[submodule "{whose}"]', *more)
    edit_gitmodules(git_stack, *gitmodules_entry(git_stack), *lines)
    expect(git_stack.report(), "git.submodule", "invalid", at="dags.repo", says=f"of submodule {whose}")
    with pytest.raises(GitError):
        _fetch_as_agents(git_stack, tmp_path)
    plain = [{"name": "plain", "path": "dags/plain", "submodule": False}]
    report = git_stack.report(dbtProjects=plain)
    assert not report.errors  # without submodules to fetch, Git reads no .gitmodules


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"jaffle"', '"../jaffle"', "the name '../jaffle'"),
        ('"jaffle"', '""', "the name ''"),
        ("url = https", "url = -https", "the url -https"),
    ],
)
def test_an_entry_that_git_ignores(
    git_stack: GitStack, tmp_path: Path, old: str, new: str, says: str
) -> None:
    edit_gitmodules(git_stack, *(line.replace(old, new) for line in gitmodules_entry(git_stack)))
    expect(git_stack.report(), "git.submodule", "ignored", at="dbtProjects[0].path", says=says)
    with pytest.raises(GitError):
        _fetch_as_agents(git_stack, tmp_path)


def test_two_entries_with_one_path(git_stack: GitStack, tmp_path: Path) -> None:
    other = [line.replace('"jaffle"', '"other"') for line in gitmodules_entry(git_stack)]
    misspelt = [line.replace('jaffle"', 'more"') for line in gitmodules_entry(git_stack)]
    misspelt[1] += "/"
    edit_gitmodules(git_stack, *gitmodules_entry(git_stack), *other, *misspelt)
    expect_nothing(git_stack.report())
    assert (_fetch_as_agents(git_stack, tmp_path) / "dags/dbt/jaffle/dbt_project.yml").is_file()


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_files_that_gitmodules_includes_are_not_read(git_stack: GitStack, tmp_path: Path, ends: str) -> None:
    (tmp_path / "included").write_text(
        '[submodule "jaffle"]\n\turl = https://elsewhere.example.com/a/b.git\n'
    )
    lines = (*gitmodules_entry(git_stack), "[include]", f"  path = {tmp_path}/included", "")
    git_stack.dags.commit({".gitmodules": ends.join(lines)})
    expect_nothing(git_stack.report())
    assert (_fetch_as_agents(git_stack, tmp_path) / "dags/dbt/jaffle/dbt_project.yml").is_file()


def test_an_entry_that_git_skips(git_stack: GitStack, tmp_path: Path) -> None:
    edit_gitmodules(git_stack, *gitmodules_entry(git_stack, "update = none"))
    expect(git_stack.report(), "git.submodule", "skipped", at="dbtProjects[0].path", says="update = none")
    assert not list((_fetch_as_agents(git_stack, tmp_path) / "dags/dbt/jaffle").iterdir())


@pytest.mark.parametrize("option", ["agent-image", "git-submodule"])
def test_code_submodules_reach_agents_under_both_options(
    git_stack: GitStack, tmp_path: Path, option: str
) -> None:
    common = Repository(git_stack.server.root / "platform/common.git")
    url = git_stack.server.url("platform/common.git")
    git_stack.link("dags/common", url, common.commit({"helpers.py": "x"}))
    changes: dict[str, object] = {"delivery": option}
    if option == "agent-image":
        changes["image"] = {
            "repository": "registry.example.com/a/b",
            "base": "registry.example.com/astro:3.1-3",
        }
        changes["agent"] = {k: v for k, v in git_stack.config["agent"].items() if k != "image"}
    else:
        changes["dbtProjects"] = [{"name": "plain", "path": "dags/plain", "submodule": False}]
    report = git_stack.report(**changes)
    expect(report, "git.nested", "unfetched", at="dags.submodules", says="dags/common")
    dags = {**git_stack.config["dags"], "submodules": [{"repo": url}]}
    if option == "git-submodule":
        # Git fetches all submodules or none, so jaffle needs its connection too.
        dags["submodules"].append({"repo": git_stack.server.url("analytics/jaffle.git"), "connection": "git"})
    expect_nothing(git_stack.report(dags=dags, **changes))
    clone = _fetch_as_agents(git_stack, tmp_path, dags=dags, **changes)
    assert (clone / "dags/common/helpers.py").read_text() == "x"
    assert (clone / "dags/dbt/jaffle/dbt_project.yml").is_file()
