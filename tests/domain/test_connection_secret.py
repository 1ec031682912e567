"""What a connection's Secret holds: the same for the component that writes it and for the checks that foresee it."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from delivery.connection_data import created_secret
from domain.connection_secret import (
    airflow_connection,
    extra_of,
    github_app_secret,
    https_secret,
    parse_airflow_connection,
    ssh_secret,
)
from preflight.connection import connection_data
from program import wiring
from tests.support.pulumi_mocks import Recorder
from tests.support.stacks import SSH_KEY, settings_of, stack

CONNECTIONS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "https": ({"type": "https", "login": "robot"}, {"password": "canary:@%"}),
    "ssh": ({"type": "ssh", "knownHosts": "h ssh-ed25519 A"}, {"privateKey": SSH_KEY}),
    "app": ({"type": "github-app", "appId": 1, "installationId": 2}, {"privateKey": SSH_KEY}),
}


@pytest.mark.parametrize(
    ("kind", "of_dags"), [("https", True), ("https", False), ("ssh", True), ("ssh", False), ("app", True)]
)
def test_checks_foresee_what_the_component_writes(recorder: Recorder, kind: str, of_dags: bool) -> None:
    """A submodule that is opened over SSH gives the Dag repository's connection an extra."""
    connection, credential = CONNECTIONS[kind]
    key = {"type": "ssh"}
    if of_dags:
        dags = {"repo": "https://git.example.com/p/dags.git", "connection": "it"}
        if kind == "ssh":
            dags["repo"] = "git@git.example.com:p/dags.git"
        projects = [{"name": "j", "path": "p", "repo": "git@h.example.com:a/j.git", "connection": "key"}]
    else:
        dags = {"repo": "https://git.example.com/p/public.git"}
        repo = "git@git.example.com:a/j.git" if kind == "ssh" else "https://git.example.com/a/j.git"
        projects = [{"name": "j", "path": "p", "repo": repo, "connection": "it"}]
    settings = settings_of(
        stack(
            dags=dags,
            dbtProjects=projects,
            connections={"it": connection, "key": key} if of_dags else {"it": connection},
            credentials={"it": credential, "key": {"privateKey": SSH_KEY}} if of_dags else {"it": credential},
        )
    )
    expected = connection_data(settings, "it", lambda _: None)
    assert expected == created_secret(settings, "it")
    written: list[dict[str, str]] = []

    @pulumi.runtime.test
    def check() -> pulumi.Output[None]:
        data = wiring.git_credentials(settings)["it"].secret_data()
        return pulumi.Output.all(**data).apply(lambda found: written.append(dict(found)))

    check()
    assert written == [expected]


def test_the_ids_of_an_app_are_text() -> None:
    data = github_app_secret("https://h/x.git", app_id=1, installation_id=2, private_key="k")
    extra = json.loads(data["connection"])["extra"]
    assert extra == {"github_app_id": "1", "github_installation_id": "2", "private_key": "k"}


def test_https() -> None:
    data = https_secret("https://h/x.git", login="u", password="p", extra={"a": "b"})
    assert json.loads(data["connection"]) == {
        "conn_type": "git",
        "host": "https://h/x.git",
        "login": "u",
        "password": "p",
        "extra": {"a": "b"},
    }
    assert data["http-header"] == "Authorization: Basic dTpw"


def test_ssh() -> None:
    assert ssh_secret("k\n") == {"ssh-privatekey": "k\n"}
    assert ssh_secret("k\n", known_hosts="h A\n\n")["known_hosts"] == "h A\n"


@pytest.mark.parametrize("text", ["git://u:p@h/x", "", "[1]", "null"])
def test_connections_that_are_not_json_objects(text: str) -> None:
    assert parse_airflow_connection(text) is None


@pytest.mark.parametrize(
    ("extra", "expected"),
    [({"a": 1}, {"a": 1}), ('{"a": 1}', {"a": 1}), ("not json", {}), ([1], {}), (None, {})],
)
def test_extra_is_a_mapping_or_its_json(extra: object, expected: dict[str, int]) -> None:
    assert extra_of({"extra": extra}) == expected


def test_an_anonymous_connection_names_no_login() -> None:
    assert json.loads(airflow_connection("https://h/x.git")) == {
        "conn_type": "git",
        "host": "https://h/x.git",
    }
