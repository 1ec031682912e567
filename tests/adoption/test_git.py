"""The Dag bundle's connection, in every place where people keep it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adoption.draft import Draft
from adoption.git import UNKNOWN_REPOSITORY, add_dags, fetches_submodules

URL = "https://git.example.com/platform/dags.git"
SSH = "git@git.example.com:platform/dags.git"


def drafted(*, secrets=None, env=(), repository=None, **kwargs: Any) -> tuple[Draft, frozenset[str]]:
    arguments = {"tracking_ref": "main", **kwargs}
    bundle = {"name": "b", "classpath": "airflow.providers.git.bundles.git.GitDagBundle", "kwargs": arguments}
    values = {"dagBundleConfigList": json.dumps([bundle]), "commonEnv": list(env)}
    draft = Draft()
    used = add_dags(draft, values, repository=repository, secrets=(secrets or {}).get)
    return draft, used


def in_secret(name: str = "AIRFLOW_CONN_GIT") -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": "s", "key": "uri"}}}


def in_clear(**parts: Any) -> dict[str, Any]:
    return {"name": "AIRFLOW_CONN_GIT", "value": json.dumps({"conn_type": "git", **parts})}


def test_a_secret_that_can_be_read_says_the_repository() -> None:
    secrets = {"s": {"uri": json.dumps({"conn_type": "git", "host": URL, "password": "canary"})}}
    draft, used = drafted(git_conn_id="git", env=[in_secret()], secrets=secrets)
    assert draft.config["dags"]["repo"] == URL
    assert draft.config["connections"] == {
        "git": {"type": "https", "existingSecret": "s", "connectionKey": "uri"}
    }
    assert used == {"AIRFLOW_CONN_GIT"}
    assert "canary" not in repr(draft)


def test_a_deploy_key_in_a_secret_stays_the_release_s_own() -> None:
    secrets = {"s": {"uri": json.dumps({"conn_type": "git", "host": SSH})}}
    draft, used = drafted(git_conn_id="git", env=[in_secret()], secrets=secrets)
    assert draft.config["connections"] == {"git": {"type": "ssh", "backend": True}}
    assert used == frozenset()


@pytest.mark.parametrize(
    ("parts", "connection", "key"),
    [
        ({"host": URL, "login": "bot", "password": "p"}, {"type": "https", "login": "bot"}, "password"),
        ({"host": SSH, "extra": {"private_key": "k"}}, {"type": "ssh"}, "privateKey"),
        (
            {"host": URL, "extra": {"private_key": "k", "github_app_id": "1", "github_installation_id": "2"}},
            {"type": "github-app", "appId": 1, "installationId": 2},
            "privateKey",
        ),
        ({"host": URL}, {"type": "https", "anonymous": True}, None),
    ],
)
def test_credentials_in_plain_text_become_the_stack_s(parts, connection, key) -> None:
    draft, used = drafted(git_conn_id="git", env=[in_clear(**parts)])
    assert draft.config["connections"] == {"git": connection}
    assert draft.config["dags"]["repo"] == parts["host"]
    assert [item.key for item in draft.clear] == ([f"credentials.git.{key}"] if key else [])
    assert used == {"AIRFLOW_CONN_GIT"}


def test_a_connection_that_no_variable_holds_is_the_backend_s() -> None:
    draft, _ = drafted(git_conn_id="team/git", repository=URL)
    assert draft.config["connections"] == {"team/git": {"type": "https", "backend": True}}


def test_a_public_repository_needs_no_connection() -> None:
    draft, _ = drafted(repo_url=URL)
    assert draft.config["dags"] == {"repo": URL, "ref": "main", "name": "b"}
    assert "connections" not in draft.config


def test_without_an_id_airflow_takes_its_default() -> None:
    draft, _ = drafted(env=[in_secret("AIRFLOW_CONN_GIT_DEFAULT")])
    assert draft.config["dags"]["connection"] == "git_default"
    assert draft.config["dags"]["repo"] == UNKNOWN_REPOSITORY
    assert any("--dags-repo" in note for note in draft.notes)


def test_a_login_in_the_url_is_left_out() -> None:
    draft, _ = drafted(git_conn_id="git", env=[in_clear(host="https://me:canary@git.example.com/a.git")])
    assert draft.config["dags"]["repo"] == "https://git.example.com/a.git"


@pytest.mark.parametrize(("flag", "fetched"), [(True, True), (False, False), ("true", False)])
def test_submodules_are_fetched_when_the_bundle_says_so(flag, fetched) -> None:
    text = json.dumps([{"kwargs": {"submodules": flag}}])
    assert fetches_submodules({"dagBundleConfigList": text}) is fetched
