"""Airflow connections in the two forms that a variable may have."""

from __future__ import annotations

import json

import pytest

from adoption.airflow_connection import AirflowConnection, read

URL = "https://git.example.com/a/b.git"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"conn_type": "git", "host": URL, "login": "bot", "password": "p"}),
        "git://bot:p@https%3A%2F%2Fgit.example.com%2Fa%2Fb.git",
    ],
)
def test_both_forms(text) -> None:
    assert read(text) == AirflowConnection("git", URL, login="bot", password="p")


def test_extra_may_be_text() -> None:
    extra = json.dumps({"private_key": "k", "github_app_id": 12, "github_installation_id": "34"})
    found = read(json.dumps({"conn_type": "git", "host": URL, "extra": extra}))
    assert found is not None
    assert (found.private_key, found.app_id, found.installation_id) == ("k", "12", "34")


@pytest.mark.parametrize("text", ["", "plain", "[]", "{}", '{"conn_type": 3}', "http://[", "3"])
def test_no_connection(text) -> None:
    assert read(text) is None


def test_repr_holds_no_credential() -> None:
    assert "p@ss" not in repr(read("git://bot:p%40ss@h"))
