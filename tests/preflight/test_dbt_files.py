"""What the files of a dbt project contain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.image_labels import ImageContents, encode
from tests.preflight.conftest import GitStack, expect, only
from tests.preflight.samples import (
    LFS,
    PROFILES,
    PROJECT,
    local_project,
)
from tests.support.oci_registry import TokenRegistry


def test_an_adapter_that_the_image_lacks(tmp_path: Path) -> None:
    profiles = PROFILES.replace("target: dev", "target: prod")
    report = local_project(tmp_path, {**PROJECT, "profiles.yml": profiles})
    expect(report, "dbt.adapter", "missing", at="image.adapters", says="add dbt-postgres")
    assert "dbt-duckdb," not in str(report.findings)


def _with_profile(tmp_path: Path, profile: str, *adapters: str) -> Any:
    files = {**PROJECT, "profiles.yml": f"jaffle: {profile}\n"}
    return local_project(tmp_path, files, adapters=["dbt-core==1.11.16", *adapters])


def _adapter_findings(tmp_path: Path, profile: str, *adapters: str) -> list[str]:
    report = _with_profile(tmp_path, profile, *adapters)
    return [f"{item.case}: {item.message}" for item in report.findings if item.check == "dbt.adapter"]


def test_only_the_target_that_is_used_needs_an_adapter(tmp_path: Path) -> None:
    outputs = "outputs: {dev: {type: duckdb}, prod: {type: snowflake}}"
    assert not _adapter_findings(tmp_path, f"{{target: prod, {outputs}}}", "dbt-snowflake==1.11.0")
    (found,) = _adapter_findings(tmp_path, f"{{target: dev, {outputs}}}", "dbt-snowflake==1.11.0")
    assert found.startswith("missing: does not install dbt-duckdb")


def test_the_target_that_is_used_without_a_name_is_default(tmp_path: Path) -> None:
    profile = "{outputs: {dev: {type: duckdb}, default: {type: trino}}}"
    assert not _adapter_findings(tmp_path, profile, "dbt-trino==1.10.0")


@pytest.mark.parametrize("target", ["\"{{ env_var('TARGET') }}\"", "\"{{ env_var('T', 'dev') }}\""])
def test_a_templated_target_demands_no_adapter(tmp_path: Path, target: str) -> None:
    profile = f"{{target: {target}, outputs: {{dev: {{type: duckdb}}, prod: {{type: snowflake}}}}}}"
    report = _with_profile(tmp_path, profile, "dbt-snowflake==1.11.0")
    expect(report, "dbt.adapter", "templated", at="image.adapters")
    assert not report.errors
    alike = profile.replace("duckdb", "snowflake")
    assert not _adapter_findings(tmp_path, alike, "dbt-snowflake==1.11.0")
    (found,) = _adapter_findings(tmp_path, alike, "dbt-duckdb==1.11.0")
    assert found.startswith("missing: does not install dbt-snowflake")


@pytest.mark.parametrize(
    ("kind", "adapter"),
    [
        ("athena", "dbt-athena-community==1.9.2"),
        ("athena", "dbt-athena==1.9.2"),
        ("postgres", "dbt-redshift==1.9.0"),
        ("spark", "dbt-databricks==1.10.0"),
        ("spark", "dbt-spark[PyHive]==1.9.0"),
        ("mysql5", "dbt_mysql==1.7.0"),
        ("sqlserver", "DBT.SQLServer"),
        ("snowflake", "dbt==2.0.9"),
        ("duckdb", "dbt-oss==2.0.8"),
    ],
)
def test_known_names_of_adapters_and_adapters_that_come_with_others(
    tmp_path: Path, kind: str, adapter: str
) -> None:
    assert not _adapter_findings(tmp_path, f"{{target: x, outputs: {{x: {{type: {kind}}}}}}}", adapter)


def test_an_adapter_that_is_not_known_is_unverified(tmp_path: Path) -> None:
    report = _with_profile(tmp_path, "{target: x, outputs: {x: {type: acme_house}}}", "dbt-acmehouse")
    expect(report, "dbt.adapter", "unverified", at="image.adapters", says="acme_house")
    assert not report.errors


def test_an_image_without_adapters_brings_dbt_with_its_base(tmp_path: Path) -> None:
    report = local_project(tmp_path, {**PROJECT, "profiles.yml": PROFILES}, adapters=[])
    assert not [item for item in report.findings if item.check == "dbt.adapter"]


def test_a_ready_image_that_lacks_the_adapter(git_stack: GitStack) -> None:
    contents = ImageContents("base:1", (), ("dbt-core==1.11.16", "dbt-duckdb==1.11.1"))
    levels = {"checks": only("git", "dbt", "image")}
    with TokenRegistry() as host:
        host.anonymous = True
        host.blobs["agent", "sha256:c"] = json.dumps({"config": {"Labels": encode(contents)}}).encode()
        host.describe("agent", "1", {"config": {"digest": "sha256:c"}})
        agent = {**git_stack.config["agent"], "image": f"{host.server}/agent:1"}
        for target in ("dev", "prod"):
            profiles = PROFILES.replace("target: dev", f"target: {target}")
            pin = git_stack.dbt.commit({**PROJECT, "profiles.yml": profiles})
            git_stack.link("dags/dbt/jaffle", git_stack.server.url("analytics/jaffle.git"), pin)
            report = git_stack.report(agent=agent, image=None, preflight=levels)
            if target == "dev":
                assert not [item for item in report.findings if item.check == "dbt.adapter"]
    says = "dbt-postgres with its version where it is built"
    expect(report, "dbt.adapter", "missing", at="agent.image", says=says)


def test_a_profile_that_only_dbt_can_read(tmp_path: Path) -> None:
    report = local_project(tmp_path, {**PROJECT, "profiles.yml": "{% if x %}\n"})
    assert not report.errors


@pytest.mark.parametrize("name", ["packages.yml", "dependencies.yml"])
def test_packages_without_a_lock(tmp_path: Path, name: str) -> None:
    files = {**PROJECT, name: "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.3.0\n"}
    report = local_project(tmp_path, files)
    expect(report, "dbt.packages", "unlocked", at="dbtProjects[0]", says=name)
    locked = local_project(tmp_path, {**files, "package-lock.yml": "packages: []\n"})
    assert not [item for item in locked.findings if item.check == "dbt.packages"]


def test_another_name(tmp_path: Path) -> None:
    report = local_project(tmp_path, {"dbt_project.yml": "name: shop\n"})
    expect(report, "dbt.name", "differs", at="dbtProjects[0].name", says="shop")


@pytest.mark.parametrize(
    "content",
    ["name: [", "- just\n- a list\n", "name: j\nreviewed: 2026-13-45\n", "name: j\na: " + "[" * 2000],
)
def test_a_file_that_is_not_valid(tmp_path: Path, content: str) -> None:
    report = local_project(tmp_path, {"dbt_project.yml": content})
    expect(report, "dbt.project", "invalid", at="dbtProjects[0].source", says="dbt_project.yml")


def test_no_dbt_project_in_the_submodule(git_stack: GitStack) -> None:
    empty = git_stack.dbt.commit({"dbt_project.yml": None})
    git_stack.link("dags/dbt/jaffle", git_stack.server.url("analytics/jaffle.git"), empty)
    expect(
        git_stack.report(), "dbt.project", "missing", at="dbtProjects[0].path", says="the root of https://"
    )


def test_lfs_pointers_are_named_for_a_submodule(git_stack: GitStack) -> None:
    git_stack.link("dags/dbt/jaffle", git_stack.server.url("analytics/jaffle.git"), git_stack.dbt.commit(LFS))
    expect(git_stack.report(), "dbt.lfs", "pointers", at="dbtProjects[0].path", says="seeds/raw.csv in")
