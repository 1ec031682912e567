"""Why the image changes: every way in which it can."""

from __future__ import annotations

from typing import Any

import pytest

from domain.names import IMAGE_TYPE
from review import build, parse
from tests.review.changes import CHURN, DAGS, JAFFLE, change, image_step
from tests.review.previews import VALUES, digest, release, step
from tests.support.stacks import stack

LOCAL = {**JAFFLE, "source": "examples/dbt-project"}
BAKED = {**DAGS, "source": "repository"}


def image(**changes: Any) -> dict[str, Any]:
    return stack(delivery="agent-image", dags=DAGS, dbtProjects=[JAFFLE]) | changes


def recipe(**changes: Any) -> dict[str, Any]:
    return image(image={**stack()["image"], **changes})


def client(before: str = "a", after: str = "b") -> dict[str, Any]:
    return image_step("client", {"contextDigest": before}, {"contextDigest": after})


def runtime(before: str = "a", after: str = "b") -> dict[str, Any]:
    return image_step("runtime", {"contextDigest": before}, {"contextDigest": after})


def argument(name: str, before: str | None, after: str | None) -> dict[str, Any]:
    sides = [{"args": {name: text} if text else {}} for text in (before, after)]
    return image_step("runtime", *sides)


ABOVE = image_step("client", {"args": {"RUNTIME_IMAGE": "r@sha256:1"}}, {"args": {}})

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]], dict[str, Any], list[str]]] = {
    "the Dags move into it": (
        image(),
        image(dags=BAKED),
        [client()],
        {},
        ["the Dags of `dags` move into it"],
    ),
    "the Dags leave it": (image(dags=BAKED), image(), [client()], {}, ["the Dags of `dags` leave it"]),
    "the Dags move to another commit": (
        image(dags=BAKED),
        image(dags=BAKED),
        [client()],
        {"commits": ("1", "3")},
        ["the commit of the Dags in dags changes"],
    ),
    "the Dags and a project move": (
        image(dags=BAKED),
        image(dags=BAKED),
        [client()],
        {"commits": ("1", "3"), "pins": ("2", "4")},
        ["the commit of jaffle changes", "the commit of the Dags in dags changes"],
    ),
    "a project is added": (
        image(),
        image(dbtProjects=[JAFFLE, CHURN]),
        [client()],
        {},
        ["dbt project churn is added"],
    ),
    "a project is removed": (
        image(dbtProjects=[JAFFLE, CHURN]),
        image(),
        [client()],
        {"offline": True},
        ["dbt project churn is removed"],
    ),
    "a project comes from a local folder": (
        image(),
        image(dbtProjects=[LOCAL]),
        [client()],
        {},
        ["dbt project jaffle comes from a local folder"],
    ),
    "a project comes from its repository": (
        image(dbtProjects=[LOCAL]),
        image(),
        [client()],
        {},
        ["dbt project jaffle comes from `https://git.example.com/analytics/jaffle.git`"],
    ),
    "a project has another repository": (
        image(),
        image(dbtProjects=[{**JAFFLE, "repo": CHURN["repo"]}]),
        [client()],
        {"pins": ("2", "2")},
        ["dbt project jaffle comes from `https://git.example.com/analytics/churn.git`"],
    ),
    "files of a local folder": (
        image(dbtProjects=[LOCAL]),
        image(dbtProjects=[LOCAL]),
        [client()],
        {},
        ["files of a local folder change (dbt project jaffle)"],
    ),
    "files of a local folder with Dags": (
        image(dags={**DAGS, "source": "examples/dag-repo"}),
        image(dags={**DAGS, "source": "examples/dag-repo"}),
        [client()],
        {"commits": ("1", "3")},
        ["files of a local folder change (the Dags of `dags`)"],
    ),
    "nothing that is known": (
        image(),
        image(),
        [client()],
        {},
        ["files of the build context change: dbt packages, or how the dbt projects are parsed"],
    ),
    "a package is added": (
        recipe(),
        recipe(packages=["astronomer-cosmos==1.15.1", "apache-airflow-providers-amazon==9.30.0"]),
        [runtime()],
        {},
        ["`image.packages` adds `apache-airflow-providers-amazon==9.30.0`"],
    ),
    "an adapter has another version": (
        recipe(),
        recipe(adapters=["dbt-core==1.11.16", "dbt-duckdb==1.11.2"]),
        [runtime(), ABOVE],
        {},
        ["`image.adapters` has `dbt-duckdb==1.11.2` instead of `dbt-duckdb==1.11.1`"],
    ),
    "a system package goes": (
        recipe(systemPackages=["git", "curl"]),
        recipe(systemPackages=["git"]),
        [runtime()],
        {},
        ["`image.systemPackages` drops `curl`"],
    ),
    "packages in another order": (
        recipe(systemPackages=["git", "curl"]),
        recipe(systemPackages=["curl", "git"]),
        [runtime()],
        {},
        ["the order of `image.systemPackages` changes"],
    ),
    "a constraints file": (
        recipe(),
        recipe(constraints="https://example.com/c.txt"),
        [runtime()],
        {},
        ["`image.constraints` changes from none to `https://example.com/c.txt`"],
    ),
    "the program's recipe": (recipe(), recipe(), [runtime()], {}, ["the program's recipe changes"]),
    "the base": (
        recipe(),
        recipe(),
        [argument("BASE_IMAGE", "r/a:1", "r/a:2")],
        {},
        ["the base image changes from `r/a:1` to `r/a:2`"],
    ),
    "only the image below": (recipe(), recipe(), [ABOVE], {}, ["the image below the dbt projects changes"]),
    "the cache": (
        recipe(),
        recipe(),
        [argument("BUILDKIT_INLINE_CACHE", "1", None)],
        {},
        ["the build cache of `image.cache` is switched off"],
    ),
    "the index": (
        recipe(),
        recipe(),
        [argument("PIP_INDEX_URL", "a", "b")],
        {},
        ["the package index changes"],
    ),
    "the proxy": (
        recipe(),
        recipe(),
        [argument("NO_PROXY", None, "b")],
        {},
        ["the proxy of the build changes"],
    ),
    "another argument": (recipe(), recipe(), [argument("X", "a", "b")], {}, ["the build argument X changes"]),
    "the platform": (
        recipe(),
        recipe(),
        [image_step("runtime", {"platform": "linux/amd64"}, {"platform": "linux/arm64"})],
        {},
        ["the platform changes from linux/amd64 to linux/arm64"],
    ),
    "the image with the projects is not built any more": (
        image(),
        stack(dags=DAGS),
        [image_step("client", {}, None)],
        {},
        ["git-submodule delivers the dbt projects; the old image stays in its registry"],
    ),
    "the option adds projects and Dags": (
        stack(dags=DAGS),
        image(dags=BAKED),
        [image_step("client", None, {})],
        {},
        ["the option agent-image adds the dbt projects and the Dags of `dags` to it"],
    ),
    "the first build": (
        recipe(),
        recipe(),
        [image_step("runtime", None, {})],
        {},
        ["the stack builds the agents' image"],
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_every_kind_of_change_has_its_reason(kind: str) -> None:
    before, after, steps, more, expected = CASES[kind]
    found = change(before, after, *steps, **more)
    assert found.image is not None
    assert list(found.image.reasons) == expected


def test_inputs_that_are_secret_are_found_by_the_plugins_list() -> None:
    for path, expected in (
        ("build.args.PIP_INDEX_URL", "the package index changes"),
        ("build.args.HTTPS_PROXY", "the proxy of the build changes"),
        ("build.cacheFrom.images[0]", "the images change that the build takes layers from"),
    ):
        built = {**runtime("a", "a"), "detailedDiff": {path: {"kind": "update"}}}
        found = change(recipe(), recipe(), built)
        assert found.image is not None
        assert list(found.image.reasons) == [expected]


def test_secret_arguments_are_the_reason_that_is_left() -> None:
    args = {"PIP_INDEX_URL": "[secret]", "BASE_IMAGE": "r/a:1"}
    found = change(recipe(), recipe(), image_step("runtime", {"args": args}, {"args": args}))
    assert found.image is not None
    assert list(found.image.reasons) == ["a secret build argument may change (PIP_INDEX_URL)"]


def test_another_login_or_repository_to_push_to() -> None:
    built = runtime("a", "a")
    built["oldState"]["inputs"] |= {"registry": {"server": "r", "username": "a"}}
    built["newState"]["inputs"] |= {
        "registry": {"server": "r", "username": "b"},
        "imageName": "other/client:t",
    }
    found = change(recipe(), recipe(), built)
    assert found.image is not None
    assert list(found.image.reasons) == [
        "the repository changes from `r.example.com/data/client` to `other/client`",
        "the login that pushes it changes",
    ]


def test_files_that_no_setting_names_are_those_of_an_own_dockerfile() -> None:
    own = {"repository": "registry.example.com/data/client", "base": stack()["image"]["base"]}
    own["dockerfile"] = "examples/dag-repo/Dockerfile.client"
    found = change(image(image=own), image(image=own), runtime())
    assert found.image is not None
    assert list(found.image.reasons) == ["files of `image.dockerfile` change"]


def test_stacks_of_earlier_versions_have_no_recipe_to_compare() -> None:
    sides = [{"build": {"contextDigest": text}, "imageName": "r/client:t"} for text in "ab"]
    preview = digest(
        step(IMAGE_TYPE, "runtime", "update", *sides),
        release(VALUES | {"image": "r/client@sha256:1"}, VALUES),
    )
    found = build(parse(preview))
    assert found.image is not None
    (reason,) = found.image.reasons
    assert reason.endswith(": the list of adapters and packages, or the program's recipe")
