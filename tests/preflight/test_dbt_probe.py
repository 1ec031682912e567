"""dbt projects, wherever their files are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.preflight.conftest import GitStack, expect, expect_nothing, only, report_of
from tests.preflight.samples import (
    LFS,
    POINTER,
    PROFILES,
    PROJECT,
    local_project,
)
from tests.support.repositories import Repository
from tests.support.stacks import ROOT, stack


def test_a_good_local_project(tmp_path: Path) -> None:
    adapters = ["dbt-core==1.11.16", "dbt-duckdb==1.11.1", "dbt_postgres>=1.10"]
    report = local_project(tmp_path, {**PROJECT, "profiles.yml": PROFILES}, adapters=adapters)
    expect_nothing(report, but=("preflight.level", "git.reach"))
    assert report.projects["jaffle"].dbt_name == "jaffle"


@contextmanager
def unprivileged() -> Iterator[None]:
    """Without root's right to read everything: neither are Python's own modules, so what the block needs is imported before."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_local_folder_that_cannot_be_read() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "dbt_project.yml").write_text("name: jaffle\n")
        (folder / "models").mkdir()
        config = stack(
            delivery="agent-image",
            dbtProjects=[{"name": "jaffle", "source": str(folder)}],
            preflight={"checks": only("dbt")},
        )
        assert "unreadable" not in [item.case for item in report_of(config).findings]
        (folder / "models").chmod(0)
        with unprivileged():
            report = report_of(config)
    expect(report, "dbt.project", "unreadable", at="dbtProjects[0].source", says="models: permission denied")


def test_a_project_built_from_its_repository(git_stack: GitStack) -> None:
    Repository(git_stack.server.root / "analytics/mono.git").commit({"sub/dbt_project.yml": "name: jaffle\n"})
    url = git_stack.server.url("analytics/mono.git")
    good = git_stack.report(delivery="agent-image", dbtProjects=git_stack.project(repo=url, subdir="sub"))
    expect_nothing(good)
    assert good.projects["jaffle"].commit
    bad = git_stack.report(delivery="agent-image", dbtProjects=git_stack.project(repo=url))
    expect(bad, "dbt.project", "missing", at="dbtProjects[0].subdir")
    ref = git_stack.report(delivery="agent-image", dbtProjects=git_stack.project(repo=url, ref="mian"))
    expect(ref, "git.ref", "missing", at="dbtProjects[0].ref")
    gone = git_stack.report(delivery="agent-image", dbtProjects=git_stack.project(repo=url + "x"))
    expect(gone, "git.auth", "not-found", at="dbtProjects[0].repo")


def test_a_submodule_stays_empty_in_the_image(git_stack: GitStack) -> None:
    git_stack.dbt.commit(submodules={"macros": ("https://git.invalid/macros.git", git_stack.pin)})
    report = git_stack.report(delivery="agent-image")
    expect(report, "git.nested", "empty", at="dbtProjects[0].repo", says="macros")


def test_the_example_project_is_good() -> None:
    config = stack(
        delivery="agent-image",
        dbtProjects=[{"name": "jaffle", "source": str(ROOT / "examples/dbt-project")}],
        preflight={"checks": only("dbt")},
    )
    expect_nothing(report_of(config), but=("preflight.level", "git.reach", "dbt.packages"))


def _link(repository: Repository, path: str, target: str) -> None:
    place = repository.tree / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def _from_repository(git_stack: GitStack, **project: Any) -> Any:
    url = git_stack.server.url("analytics/jaffle.git")
    return git_stack.report(delivery="agent-image", dbtProjects=git_stack.project(repo=url, **project))


@pytest.mark.parametrize(
    ("path", "target", "reason"),
    [
        ("models/leak.sql", "/etc/hostname", "absolute"),
        ("models/leak.sql", "../../../../etc/hostname", "leads out"),
        ("models/up", "../models", "upwards"),
        ("models/up", "..", "upwards"),
    ],
)
def test_a_link_that_leads_out_of_the_repository_or_upwards(
    git_stack: GitStack, path: str, target: str, reason: str
) -> None:
    _link(git_stack.dbt, path, target)
    git_stack.dbt.commit()
    report = _from_repository(git_stack)
    expect(report, "dbt.links", "outside", at="dbtProjects[0].repo", says=f"{path}, which leads")
    assert reason in str(report.findings)


def test_a_link_that_leads_out_of_a_local_folder(tmp_path: Path) -> None:
    (tmp_path / "project/models").mkdir(parents=True)
    (tmp_path / "project/models/leak.sql").symlink_to("/etc/hostname")
    report = local_project(tmp_path, PROJECT)
    expect(report, "dbt.links", "outside", at="dbtProjects[0].source", says="models/leak.sql")


def test_a_project_file_that_is_a_link_is_read(git_stack: GitStack) -> None:
    (git_stack.dbt.tree / "dbt_project.yml").unlink()
    (git_stack.dbt.tree / "dbt_project.yml").symlink_to("shared/project.yml")
    git_stack.dbt.commit({"shared/project.yml": "name: shop\n"})
    report = git_stack.report(delivery="agent-image")
    expect(report, "dbt.name", "differs", at="dbtProjects[0].name", says="shop")


def test_links_inside_the_repository_are_no_finding(git_stack: GitStack) -> None:
    _link(git_stack.dbt, "projects/sales/models/x.sql", "../../../views/x.sql")
    _link(git_stack.dbt, "alias", "projects/sales")
    git_stack.dbt.commit({"views/x.sql": "select 1\n", "projects/sales/dbt_project.yml": "name: jaffle\n"})
    expect_nothing(_from_repository(git_stack, subdir="alias"))


def test_lfs_pointers_are_named_for_the_image(git_stack: GitStack) -> None:
    git_stack.dbt.commit(LFS)
    report = _from_repository(git_stack)
    expect(report, "dbt.lfs", "pointers", at="dbtProjects[0].repo", says="seeds/raw.csv in")


def test_lfs_pointers_are_named_for_a_local_folder(tmp_path: Path) -> None:
    report = local_project(tmp_path, {**PROJECT, "raw.csv": POINTER, "plain.csv": "a\n"})
    expect(report, "dbt.lfs", "pointers", at="dbtProjects[0].source", says="raw.csv in")


def test_a_source_of_the_image_whose_secret_is_not_read(git_stack: GitStack) -> None:
    report = git_stack.report(
        delivery="agent-image",
        connections=git_stack.with_unread_secret(),
        dbtProjects=git_stack.project(connection="own"),
        preflight={"checks": only("dbt", "git")},
    )
    expect(report, "git.connection", "unknown", at="connections.own", says="analytics/jaffle.git")
    assert not report.errors
