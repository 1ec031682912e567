"""dbt packages from Git and from folders, checked with what will install them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from preflight.report import Report
from tests.preflight.conftest import TOKEN, GitStack, expect, expect_nothing, only, report_of
from tests.support.repositories import Repository
from tests.support.stacks import stack

PACKAGE = "name: macros\n"
OTHER_TOKEN = "canary-other-token"


class Packages:
    """A private package with another private package in it, and the stack of `git_stack`."""

    def __init__(self, stack: GitStack) -> None:
        self.stack = stack
        self.macros = Repository(stack.server.root / "org/macros.git")
        self.macros.commit({"dbt_project.yml": PACKAGE, "inner/dbt_project.yml": PACKAGE})
        self.macros.tag("v1")
        stack.grant("org/macros.git", OTHER_TOKEN)
        self.url = stack.server.url("org/macros.git")

    def report(
        self, files: dict[str, str], *, delivery: str, listed: bool = True, token: str = OTHER_TOKEN
    ) -> Report:
        """Run preflight with some files in the project, which the Dag repository pins."""
        pin = self.stack.dbt.commit(files)
        self.stack.link("dags/dbt/jaffle", self.stack.server.url("analytics/jaffle.git"), pin)
        connection = {"type": "https", "login": "robot", "caBundle": str(self.stack.server.authority)}
        return self.stack.report(
            delivery=delivery,
            dbtPackages=[{"repo": self.url, "connection": "packages"}] if listed else None,
            connections={"git": connection, "packages": connection},
            credentials={"git": {"password": TOKEN}, "packages": {"password": token}},
        )

    def asked(self, **entry: str) -> dict[str, str]:
        """A packages.yml with one package, by default the private one."""
        text = "".join(f"    {key}: {value}\n" for key, value in entry.items() if key != "git")
        return {"packages.yml": f"packages:\n  - git: {entry.get('git', self.url)}\n{text}"}


@pytest.fixture
def packages(git_stack: GitStack) -> Packages:
    """The packages next to a good stack."""
    return Packages(git_stack)


BOTH = pytest.mark.parametrize("delivery", ["git-submodule", "agent-image"])


@BOTH
@pytest.mark.parametrize("entry", [{"revision": "v1"}, {"revision": "main", "subdirectory": "inner"}, {}])
def test_private_package_that_its_connection_opens(
    packages: Packages, delivery: str, entry: dict[str, str]
) -> None:
    report = packages.report(packages.asked(**entry), delivery=delivery)
    expect(report, "dbt.packages", "unlocked", at="dbtProjects[0]")
    expect_nothing(report, but=("preflight.level", "dbt.packages", "git.lag"))
    assert [item.case for item in report.findings if item.check == "dbt.packages"] == ["unlocked"]


def test_package_without_an_entry(packages: Packages) -> None:
    report = packages.report(packages.asked(revision="v1"), delivery="git-submodule", listed=False)
    expect(report, "dbt.packages", "private", at="dbtPackages", says=packages.url)


@BOTH
def test_token_that_does_not_open_it(packages: Packages, delivery: str) -> None:
    report = packages.report(packages.asked(revision="v1"), delivery=delivery, token="canary-wrong")
    expect(report, "git.auth", "refused", at="credentials.packages", says=packages.url)
    assert "canary" not in str(report)


@BOTH
@pytest.mark.parametrize("revision", ["v9", "1" * 40])
def test_revision_that_does_not_exist(packages: Packages, delivery: str, revision: str) -> None:
    report = packages.report(packages.asked(revision=f"'{revision}'"), delivery=delivery)
    expect(report, "dbt.packages", "no-revision", at="dbtProjects[0]", says=f"revision {revision}")


def test_package_of_a_package(packages: Packages) -> None:
    packages.macros.commit(packages.asked(git=packages.stack.server.url("org/none.git")))
    report = packages.report(packages.asked(revision="main"), delivery="git-submodule")
    expect(report, "dbt.packages", "private", at="dbtPackages", says="org/none.git")


def test_lock_file_says_what_is_installed(packages: Packages) -> None:
    lock = f"packages:\n- git: {packages.url}\n  revision: {'2' * 40}\nsha1_hash: x\n"
    report = packages.report(
        {**packages.asked(revision="v1"), "package-lock.yml": lock}, delivery="git-submodule"
    )
    expect(report, "dbt.packages", "no-revision", at="dbtProjects[0]", says="2" * 40)


def test_credentials_in_an_address(packages: Packages) -> None:
    entry = packages.asked(git="https://robot:canary-in-url@git.example.com/a.git")
    report = packages.report(entry, delivery="git-submodule")
    expect(report, "dbt.packages", "credentials", at="dbtProjects[0]")
    assert "canary" not in str(report)


def test_address_that_only_dbt_can_resolve(packages: Packages) -> None:
    entry = packages.asked(git="\"https://{{ env_var('DBT_ENV_SECRET_TOKEN') }}@git.example.com/a.git\"")
    report = packages.report(entry, delivery="git-submodule")
    expect(report, "dbt.packages", "templated", at="dbtProjects[0]")


def test_local_package_that_only_dbt_can_resolve(packages: Packages) -> None:
    files = {"packages.yml": "packages: [{local: \"{{ env_var('SHARED') }}\"}]\n"}
    report = packages.report(files, delivery="agent-image")
    expect(report, "dbt.packages", "templated", at="dbtProjects[0]", says="env_var")
    assert not report.errors


def test_address_that_is_a_path(packages: Packages) -> None:
    report = packages.report(packages.asked(git="../elsewhere"), delivery="git-submodule")
    expect(report, "dbt.packages", "unreadable", at="dbtProjects[0]")


def test_folder_without_a_package(packages: Packages) -> None:
    report = packages.report(packages.asked(subdirectory="nowhere"), delivery="git-submodule")
    expect(report, "dbt.packages", "no-project", at="dbtProjects[0]", says="nowhere")


def test_local_package_outside_the_repository(packages: Packages) -> None:
    """On agents the Dag repository is around a submodule; nothing is around a project in the image."""
    files = {"packages.yml": "packages: [{local: ../../shared}]\n"}
    report = packages.report(files, delivery="git-submodule")
    expect(report, "dbt.packages", "around", at="dbtProjects[0]", says="../../shared")
    report = packages.report(files, delivery="agent-image")
    expect(report, "dbt.packages", "outside", at="dbtProjects[0]", says="../../shared")


@BOTH
def test_local_package_that_is_missing(packages: Packages, delivery: str) -> None:
    report = packages.report({"packages.yml": "packages: [{local: lib/none}]\n"}, delivery=delivery)
    expect(report, "dbt.packages", "no-folder", at="dbtProjects[0]", says="lib/none")


@BOTH
def test_packages_of_the_repository_are_not_asked_for(packages: Packages, delivery: str) -> None:
    vendored = {"dbt_packages/macros/dbt_project.yml": PACKAGE}
    report = packages.report({**packages.asked(revision="v9"), **vendored}, delivery=delivery, listed=False)
    assert [item.case for item in report.findings if item.check == "dbt.packages"] == ["unlocked"]


def test_local_project(tmp_path: Path) -> None:
    """Packages next to it in the same repository are found, others are named."""
    files: dict[str, str] = {
        "repository/.git/HEAD": "",
        "repository/a/jaffle/dbt_project.yml": "name: jaffle\n",
        "repository/a/jaffle/packages.yml": "packages: [{local: ../../shared}, {local: ../../../out}, {local: ../no}]\n",
        "repository/shared/dbt_project.yml": "name: shared\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    config: dict[str, Any] = stack(
        delivery="agent-image",
        dbtProjects=[{"name": "jaffle", "source": str(tmp_path / "repository/a/jaffle")}],
        preflight={"checks": only("dbt")},
    )
    report = report_of(config)
    expect(report, "dbt.packages", "outside", at="dbtProjects[0]", says="../../../out")
    expect(report, "dbt.packages", "no-folder", at="dbtProjects[0]", says="../no")
    assert "../../shared" not in str(report.errors)
