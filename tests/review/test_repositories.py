"""Whose a repository is."""

from __future__ import annotations

import json

from review.preview import parse
from review.repositories import code, owners, path_of, same_repository, with_connection, with_repository
from tests.review.previews import digest

HOST = "https://git.example.com"
PREVIEW = parse(
    digest(
        outputs={
            "dagBundles": {"gone": {"repository": f"{HOST}/gone/dags.git"}, "s3": {"class": "C"}},
            "dbtProjects": {"jaffle": {"repository": f"{HOST}/a/jaffle"}, "local": {"repository": None}},
        },
        dags=json.dumps(
            [
                {"name": "dags", "repo": f"{HOST}/a/dags.git", "connection": "git_key", "submodules": [{"repo": f"{HOST}/a/lib.git"}]},
                {"bundleName": "late", "repo": "git@git.example.com:late/dags.git"},
                {"name": "s3", "class": "C"},
            ]
        ),
        dbtProjects=json.dumps([{"name": "jaffle", "repo": f"{HOST}/a/jaffle.git"}, {"name": "broken", "repo": "x"}]),
        dbtPackages=json.dumps([{"repo": f"{HOST}/a/macros.git", "connection": "git_key"}]),
    )
)  # fmt: skip


def test_owners_come_from_the_settings_and_from_the_last_update() -> None:
    found = owners(PREVIEW)
    assert [owner.name for owner in found if owner.name != "dbt project `jaffle`"] == [
        "Dag bundle `dags`",
        "Dag bundle `late`",
        "dbt package `a/macros`",
        "submodule `a/lib` of Dag bundle `dags`",
        "Dag bundle `gone`",
    ]
    assert next(owner.part_of for owner in found if owner.part_of) == "Dag bundle `dags`"


def test_a_repository_is_found_by_any_of_its_spellings_and_by_its_connection() -> None:
    found = owners(PREVIEW)
    (late,) = with_repository(found, ["https://git.example.com/late/dags", "git@alias:x/y"])
    assert late.name == "Dag bundle `late`"
    assert {owner.name for owner in with_connection(found, "git-key")} == {
        "Dag bundle `dags`",
        "dbt package `a/macros`",
    }
    assert with_repository(found, ["no address"]) == ()


def test_a_stack_file_that_is_secret_or_broken_names_nobody() -> None:
    for text in ("[secret]", "{", '"x"', "[1]"):
        assert owners(parse(digest(dags=text))) == ()


def test_names_cannot_break_out_of_a_table() -> None:
    assert code("a`|b") == "`ab`"


def test_addresses_for_display() -> None:
    assert path_of("git@h:a/b.git") == "a/b"
    assert path_of("no address") == "no address"
    assert same_repository("https://h/a/b.git", "git@h:a/b")
    assert not same_repository("https://h/a/b.git", "x")
