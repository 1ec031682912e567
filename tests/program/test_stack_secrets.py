"""Which texts of configuration, state, cluster and environment are secrets that Pulumi can come across."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from program.stack_secrets import of_cluster, of_configuration, of_state, of_user
from tests.support.http_server import Answer, HttpServer, Request

MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
PLAIN = {"astro-dbt:dags": {"value": '{"repo": "https://git.example.com/dags.git"}', "secret": False}}


def secret(value: object) -> dict[str, str]:
    return {**MARK, "plaintext": json.dumps(value)}


def test_every_text_of_a_secret_key_and_no_other() -> None:
    found = set(
        of_configuration(
            {
                **PLAIN,
                "astro-dbt:agentToken": {"value": "canary-token", "secret": True},
                "astro-dbt:credentials": {"value": '{"git": {"password": "ab{c"}}', "secret": True},
                "astro-dbt:packageIndex": {"value": "https://me:canary%2Findex@host/simple", "secret": True},
            }
        )
    )
    assert found >= {"canary-token", "ab{c", "canary%2Findex", "canary/index"}
    assert not any("git.example.com/dags" in text for text in found)


def test_parts_of_an_older_secret_that_the_state_remembers() -> None:
    login = {"auths": {"host": {"auth": "Y2FuYXJ5LW9sZA=="}}}
    resources = [
        {
            "urn": "a",
            "inputs": {"stringData": secret({".dockerconfigjson": json.dumps(login), "type": "git"})},
            "outputs": {
                "data": {"url": secret("https://git.example.com/dags.git"), "key": secret("canary-key")}
            },
        }
    ]
    found = set(of_state({"deployment": {"resources": resources}}, PLAIN))
    assert found >= {"Y2FuYXJ5LW9sZA==", "canary-key"}
    assert not found & {"git", "https://git.example.com/dags.git"}, "words, and what is no secret elsewhere"


def test_what_a_provider_marks_as_a_whole_is_not_secret_in_every_part() -> None:
    inputs = {"imageName": "registry.example.com/image", "password": secret("canary-password")}
    copy = {"imageName": "registry.example.com/image", "password": "canary-password"}
    resource = {"inputs": inputs, "outputs": {"__inputs": secret(copy)}}
    assert list(of_state({"deployment": {"resources": [resource]}}, {})) == ["canary-password"]


def test_a_state_without_resources() -> None:
    assert list(of_state({}, {})) == []
    assert list(of_cluster({"deployment": None}, {}, Path())) == []


def state(server: str, *, names: tuple[str, ...] = ("token",), encrypted: bool = False) -> dict[str, Any]:
    """A state with these Secrets, and a provider whose kubeconfig names a server."""
    text = yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "a", "cluster": {"server": server}}],
            "users": [{"name": "a", "user": {"token": "t"}}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
            "current-context": "a",
        }
    )
    provider = {
        "urn": "urn:provider",
        "id": "1",
        "type": "pulumi:providers:kubernetes",
        "inputs": {"kubeconfig": secret(text) if encrypted else text},
    }
    objects = [
        {
            "urn": f"urn:{name}",
            "id": f"agents/{name}",
            "type": "kubernetes:core/v1:Secret",
            "provider": "urn:provider::1",
        }
        for name in names
    ]
    return {"deployment": {"resources": [provider, *objects]}}


@pytest.mark.parametrize("encrypted", [False, True])
def test_what_the_cluster_has_in_a_secret_now(encrypted: bool) -> None:
    answers = {
        "/api/v1/namespaces/agents/secrets/token": {"data": {"token": "Y2FuYXJ5LWJ5LWhhbmQ="}},
        "/api/v1/namespaces/agents/secrets/other": {"data": {"type": "Z2l0"}},
    }

    def answer(request: Request) -> Answer:
        found = answers.get(request.path)
        return (200, json.dumps(found).encode(), {}) if found else (404, b"", {})

    with HttpServer(answer) as server:
        known = state(server.url(), names=("gone", "token", "other"), encrypted=encrypted)
        assert list(of_cluster(known, {}, Path())) == ["canary-by-hand"]


def test_a_cluster_that_does_not_answer_has_nothing_to_hide() -> None:
    assert list(of_cluster(state("http://127.0.0.1:9"), {}, Path())) == []


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"PULUMI_CONFIG_PASSPHRASE": "canary-phrase"}, {"canary-phrase"}),
        ({"AWS_SECRET_ACCESS_KEY": "canary-key"}, {"canary-key"}),
        ({"GITHUB_TOKEN": "canary-token"}, {"canary-token"}),
        ({"GITHUB_TOKEN": "short"}, set()),
        ({"MONKEY": "canary-monkey", "PATH": "/usr/bin:/bin"}, set()),
    ],
)
def test_variables_whose_names_say_that_they_are_secret(
    variables: Mapping[str, str], found: set[str], tmp_path: Path
) -> None:
    assert set(of_user(variables, [tmp_path / "none"])) == found


def test_credentials_of_kubectl(tmp_path: Path) -> None:
    path = tmp_path / "config"
    user = {"token": "canary-token", "client-key-data": "Y2FuYXJ5LWtleQ==", "username": "me"}
    path.write_text(yaml.safe_dump({"users": [{"name": "a-long-name", "user": user}, None]}))
    assert set(of_user({}, [path])) == {"canary-token", "Y2FuYXJ5LWtleQ=="}


@pytest.mark.parametrize("content", ["[", "text", "users: 1", "users: [1, {user: 1}]", ""])
def test_a_file_that_is_no_kubeconfig(content: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    assert list(of_user({}, [path])) == []
