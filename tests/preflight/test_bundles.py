"""Several Dag bundles: each is checked by itself, and what is wrong has the key of its bundle."""

from __future__ import annotations

from typing import Any

import pytest

from tests.preflight.conftest import TOKEN, GitStack, expect, expect_nothing, only, report_of
from tests.support.repositories import Repository
from tests.support.stacks import stack


@pytest.fixture
def finance(git_stack: GitStack) -> Repository:
    """A second Dag repository, opened by the same connection, with a project in an ordinary folder."""
    repository = Repository(git_stack.server.root / "finance/dags.git")
    repository.commit({"dag.py": "dag\n", "dbt/ledger/dbt_project.yml": "name: ledger\n"})
    git_stack.grant("finance/dags.git")
    return repository


def bundles(git_stack: GitStack, **second: Any) -> dict[str, Any]:
    first = {**git_stack.config["dags"], "name": "sales"}
    other = {
        "name": "finance",
        "repo": git_stack.server.url("finance/dags.git"),
        "connection": "git",
        **second,
    }
    project = {**git_stack.config["dbtProjects"][0], "bundle": "sales"}
    ledger = {"name": "ledger", "path": "dbt/ledger", "bundle": "finance", "submodule": False}
    return {**git_stack.config, "dags": [first, other], "dbtProjects": [project, ledger]}


def test_every_bundle_opens_with_what_the_agents_have(git_stack: GitStack, finance: Repository) -> None:
    report = report_of(bundles(git_stack))
    expect_nothing(report)
    assert report.projects["jaffle"].commit == git_stack.pin
    assert report.projects["ledger"].commit == finance.head()
    assert report.projects["ledger"].repository == git_stack.server.url("finance/dags.git")
    commits = {name: facts.commit for name, facts in report.bundles.items()}
    assert commits == {"finance": finance.head(), "sales": git_stack.dags.head()}


@pytest.mark.parametrize(
    ("second", "check", "case", "at"),
    [
        ({"ref": "mian"}, "git.ref", "missing", "dags[1].ref"),
        ({"subdir": "dbt/leger"}, "git.subdir", "missing", "dags[1].subdir"),
        ({"connection": None}, "git.auth", "private", "dags[1].connection"),
    ],
)
def test_mistakes_have_the_key_of_their_bundle(
    git_stack: GitStack, finance: Repository, second: dict[str, Any], check: str, case: str, at: str
) -> None:
    report = report_of(bundles(git_stack, **second))
    expect(report, check, case, at=at)
    assert "jaffle" in report.projects, "the other bundle is judged all the same"


def test_a_submodule_of_one_bundle_is_its_own_affair(git_stack: GitStack, finance: Repository) -> None:
    finance.commit(submodules={"libs": (git_stack.server.url("nobody/has.git"), "1" * 40)})
    report = report_of(bundles(git_stack))
    expect(report, "git.nested", "unfetched", at="dags[1].submodules", says="libs")
    config = bundles(git_stack, submodules=[{"repo": git_stack.server.url("nobody/has.git")}])
    expect(report_of(config), "git.nested", "failing", at="dags[1].submodules", says="libs")


def test_a_connection_that_does_not_open_the_second_repository(
    git_stack: GitStack, finance: Repository
) -> None:
    git_stack.grant("finance/dags.git", "canary-another")
    report = report_of(bundles(git_stack))
    expect(report, "git.auth", "refused", at="credentials.git", says="finance/dags.git")
    assert TOKEN not in str(report.findings)


def baked(git_stack: GitStack, **dags: Any) -> dict[str, Any]:
    project = {"name": "jaffle", "path": "dags/dbt/jaffle", "source": "examples/dbt-project"}
    bundle = {**git_stack.config["dags"], "source": "repository", **dags}
    return {**git_stack.config, "delivery": "agent-image", "dags": bundle, "dbtProjects": [project]}


def test_dags_of_the_image_are_read_as_the_build_does(git_stack: GitStack) -> None:
    report = report_of(baked(git_stack))
    expect_nothing(report)
    assert report.bundles["dags"].commit == git_stack.dags.head()
    expect(report_of(baked(git_stack, ref="mian")), "git.ref", "missing", at="dags.ref")
    expect(
        report_of(baked(git_stack, subdir="dgas")),
        "git.subdir",
        "missing",
        at="dags.subdir",
        says="write dags",
    )
    git_stack.link("dags/libs", git_stack.server.url("analytics/jaffle.git"), git_stack.pin)
    expect(report_of(baked(git_stack)), "git.nested", "empty", at="dags.repo", says="dags/libs")
    git_stack.grant("platform/dags.git", "canary-another")
    expect(report_of(baked(git_stack)), "git.auth", "refused", at="credentials.git")


PROVIDER = "apache-airflow-providers-git"


def packages(*installed: str, **bundle: Any) -> dict[str, Any]:
    config = stack(preflight={"checks": only("image", "agent")})
    config["preflight"]["checks"] |= {
        name: {"level": "off", "reason": "no registry here"}
        for name in ("image.exists", "image.registry", "image.engine")
    }
    config["image"] = {**config["image"], "packages": ["astronomer-cosmos==1.15.1", *installed]}
    config["dags"] = [{**config["dags"], "name": "sales", **bundle}]
    return config


def test_arguments_that_the_installed_provider_refuses() -> None:
    sparse = {"arguments": {"sparse_dirs": ["dags"]}}
    report = report_of(packages(f"{PROVIDER}==0.3.2", **sparse))
    expect(report, "image.bundles", "too-old", at="dags[0].arguments", says="install 0.4.0 or later")
    report = report_of(packages(f"{PROVIDER}==1.0.1", arguments={"shallow": True, "sparse_dirs": ["dags"]}))
    expect(report, "image.bundles", "unknown", at="dags[0].arguments", says="contains shallow")
    assert not [item for item in report.findings if item.case == "too-old"]


@pytest.mark.parametrize(
    ("installed", "case"), [((), "missing"), (("apache-airflow-providers-amazon==9.9.0",), "old")]
)
def test_package_of_a_class(installed: tuple[str, ...], case: str) -> None:
    config = packages(*installed)
    config["dags"].append({"name": "s3", "class": "airflow.providers.amazon.aws.bundles.s3.S3DagBundle"})
    config["dbtProjects"] = [{**config["dbtProjects"][0], "bundle": "sales"}]
    expect(
        report_of(config), "agent.packages", case, at="dags[1].class", says="apache-airflow-providers-amazon"
    )
