"""`dags`: one bundle or several, of one class or another, and every mistake in them at its key."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from settings import SettingsError
from settings.dags import ClassBundle, GitBundle
from settings.schema import stack_schema
from tests.support.stacks import settings_of, stack

SALES = {"name": "sales", "repo": "https://git.example.com/sales/dags.git", "connection": "git"}
FINANCE = {"name": "finance", "repo": "https://git.example.com/finance/dags.git", "subdir": "dags"}
S3 = {
    "name": "reports",
    "class": "airflow.providers.amazon.aws.bundles.s3.S3DagBundle",
    "arguments": {"bucket_name": "acme-dags", "aws_conn_id": "aws_default"},
}
PROJECT = {"name": "jaffle", "path": "dags/dbt/jaffle", "bundle": "sales", "source": "examples/dbt-project"}


def several(*bundles: Any, projects: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    return stack(dags=list(bundles), dbtProjects=projects or [PROJECT], **changes)


def problems(config: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        settings_of(config)
    return {item.key.removeprefix("astro-dbt:"): item.message for item in caught.value.problems}


def test_a_mapping_is_one_bundle_with_keys_as_ever() -> None:
    (bundle,) = settings_of().dags
    assert (bundle.name, bundle.at) == ("dags", "dags")
    renamed = {"repo": "https://git.example.com/a/b.git", "bundleName": "old-spelling"}
    assert settings_of(stack(dags=renamed)).dags[0].name == "old-spelling"


def test_a_list_is_several_bundles_of_any_class() -> None:
    settings = settings_of(several(SALES, FINANCE, S3))
    assert [bundle.at for bundle in settings.dags] == ["dags[0]", "dags[1]", "dags[2]"]
    assert [type(bundle) for bundle in settings.dags] == [GitBundle, GitBundle, ClassBundle]
    assert [bundle.name for bundle in settings.git_bundles] == ["sales", "finance"]
    assert settings.projects_in(settings.git_bundles[0]) == settings.dbt_projects
    assert settings.projects_in(settings.git_bundles[1]) == ()


def test_two_bundles_of_one_repository() -> None:
    assert len(settings_of(several(SALES, {**SALES, "name": "sales-next", "ref": "next"})).dags) == 2


def test_every_mistake_has_the_key_of_its_bundle() -> None:
    broken = several(
        {**SALES, "ref": "a b", "refreshIntervall": 3},
        {"name": "finance", "repo": "../dags.git"},
        {"name": "x", "class": "nodots"},
        "words",
    )
    found = problems(broken)
    assert set(found) == {
        "dags[0].ref",
        "dags[0].refreshIntervall",
        "dags[1].repo",
        "dags[2].class",
        "dags[3]",
    }
    assert "refreshInterval if you meant that" in found["dags[0].refreshIntervall"]
    assert found["dags[3]"].startswith("is not a mapping")


@pytest.mark.parametrize(
    ("bundles", "key", "says"),
    [
        ([], "dags", "is empty; write at least one bundle"),
        ([SALES, {**FINANCE, "name": "sales"}], "dags[1].name", "repeats sales"),
        ([SALES, {**FINANCE, "connection": "gti"}], "dags[1].connection", "write git"),
        (
            [SALES, {**FINANCE, "arguments": {"tracking_ref": "x"}}],
            "dags[1].arguments.tracking_ref",
            "dags[1].ref",
        ),
        (
            [SALES, {**S3, "arguments": {"refresh_interval": 3}}],
            "dags[1].arguments.refresh_interval",
            "refreshInterval",
        ),
        (
            [SALES, {**FINANCE, "arguments": {"sparse_dirs": "dags"}}],
            "dags[1].arguments.sparse_dirs",
            "is not a list",
        ),
        (
            [{**SALES, "arguments": {"sparse_dirs": ["dags/dbt/jaf"]}}, FINANCE],
            "dags[0].arguments.sparse_dirs",
            "leaves out dags/dbt/jaffle, which dbtProjects[0].path names",
        ),
        (
            [SALES, {**FINANCE, "arguments": {"sparse_dirs": ["plugins"]}}],
            "dags[1].arguments.sparse_dirs",
            "leaves out dags, which dags[1].subdir names",
        ),
        (
            [SALES, {**FINANCE, "arguments": {"password": "canary-x"}}],
            "dags[1].arguments",
            "contains password in plain text",
        ),
        (
            [SALES, {"name": "g", "class": "airflow.providers.git.bundles.git.GitDagBundle"}],
            "dags[1].class",
            "write repo instead",
        ),
    ],
)
def test_mistakes(bundles: list[dict[str, Any]], key: str, says: str) -> None:
    assert says in problems(several(*bundles))[key]


@pytest.mark.parametrize(
    ("bundle", "says"),
    [
        (None, "is missing; write the bundle whose repository contains the project: sales or finance"),
        ("salse", "names salse, which is not a bundle with a repository; write sales"),
        ("reports", "names reports, which is not a bundle with a repository; write one of sales, finance"),
    ],
)
def test_projects_name_a_bundle_with_a_repository(bundle: str | None, says: str) -> None:
    project = {key: value for key, value in PROJECT.items() if key != "bundle"} | (
        {"bundle": bundle} if bundle else {}
    )
    found = problems(several(SALES, FINANCE, S3, projects=[project]))
    assert found == {"dbtProjects[0].bundle": says}


def test_a_project_of_the_image_needs_no_bundle() -> None:
    project = {"name": "jaffle", "source": "examples/dbt-project"}
    settings = settings_of(several(SALES, FINANCE, projects=[project], delivery="agent-image"))
    assert settings.bundle_of(settings.dbt_projects[0]) is None


def test_projects_of_two_bundles_may_have_one_path() -> None:
    other = {**PROJECT, "name": "other", "bundle": "finance"}
    assert len(settings_of(several(SALES, FINANCE, projects=[PROJECT, other])).dbt_projects) == 2
    found = problems(several(SALES, FINANCE, projects=[PROJECT, {**other, "bundle": "sales"}]))
    assert found == {
        "dbtProjects[1].path": "is inside dags/dbt/jaffle of the project jaffle; use a separate folder"
    }


@pytest.mark.parametrize(
    ("connection", "credentials", "kind"),
    [
        ({"type": "https", "backend": True}, None, "in the secrets backend"),
        (
            {"type": "github-app", "appId": "1", "installationId": 2},
            {"git": {"privateKey": "canary"}},
            "a GitHub App",
        ),
    ],
)
def test_what_opens_one_repository_only(connection: dict[str, Any], credentials: Any, kind: str) -> None:
    config = several(
        SALES, {**FINANCE, "connection": "git"}, connections={"git": connection}, credentials=credentials
    )
    found = problems(config)
    assert found["dags[1].connection"].startswith(
        f"names git, which is {kind} and opens the Dag repository of another"
    )


def test_id_of_a_further_airflow_connection_is_taken() -> None:
    config = several(
        SALES,
        {**FINANCE, "connection": "git"},
        connections={"git": {"type": "https"}, "git_finance": {"type": "https"}},
        credentials={"git": {"password": "canary-a"}, "git_finance": {"password": "canary-b"}},
    )
    assert "makes git_finance the id" in problems(config)["dags[1].name"]


def test_source_is_a_checkout_with_the_folder_of_the_dags() -> None:
    dags = {"repo": "https://git.example.com/a/b.git", "subdir": "dags"}
    image = {"delivery": "agent-image"}
    good = settings_of(stack(dags={**dags, "source": "examples/dag-repo"}, **image))
    assert good.baked_bundles == good.git_bundles
    assert good.fetched_bundles == ()
    assert settings_of(stack(dags={**dags, "source": "examples/dag-repo"})).baked_bundles == ()
    for source, says in (
        ("nowhere", "which is not a folder"),
        ("examples/dbt-project", "which has no folder dags"),
    ):
        assert says in problems(stack(dags={**dags, "source": source}, **image))["dags.source"]


@pytest.mark.parametrize("dags", [stack()["dags"], S3, [SALES, FINANCE, S3]])
def test_schema_of_editors_knows_all_shapes(dags: Any) -> None:
    schema = stack_schema()
    asked = {**schema["properties"]["config"]["properties"]["astro-dbt:dags"], "$defs": schema["$defs"]}
    Draft202012Validator.check_schema(json.loads(json.dumps(asked)))
    Draft202012Validator(asked).validate(dags)
    assert not Draft202012Validator(asked).is_valid([{"name": "x"}])
