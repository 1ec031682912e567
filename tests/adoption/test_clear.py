"""Credentials in plain text: found again by their place, moved by commands that do not hold them."""

from __future__ import annotations

import base64
import json

import pytest

from adoption.clear import Clear, docker_logins, text_of
from adoption.errors import AdoptionError

LOGIN = base64.b64encode(b"cli:pass:word").decode()
VALUES = {
    "agentToken": "t",
    "openLineage": {"apiKey": "k"},
    "commonEnv": [
        {"name": "P", "value": "v"},
        {"name": "C", "value": json.dumps({"conn_type": "git", "host": "h", "password": "p"})},
        {"name": "U", "value": "git://bot:p%40ss@https%3A%2F%2Fgit.example.com%2Fa.git"},
    ],
    "workers": [{"name": "w", "env": [{"name": "P", "value": "x"}]}],
    "imagePullSecretData": json.dumps({"auths": {"r.example.com": {"auth": LOGIN}}}),
}


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("agentToken", "t"),
        ("openLineage.apiKey", "k"),
        ("commonEnv.P", "v"),
        ("commonEnv.C#password", "p"),
        ("commonEnv.U#password", "p@ss"),
        ("imagePullSecretData#r.example.com", "pass:word"),
    ],
)
def test_text_is_found_by_its_place(where, text) -> None:
    assert text_of(VALUES, where) == text


@pytest.mark.parametrize(
    "where", ["x", "commonEnv.X", "commonEnv.P#password", "agentToken.x", "imagePullSecretData#x", ""]
)
def test_a_place_without_credential_is_a_sentence(where) -> None:
    with pytest.raises(AdoptionError, match="is not in these values") as caught:
        text_of(VALUES, where)
    assert "pass:word" not in str(caught.value)


def test_stack_secret_goes_through_a_pipe() -> None:
    command = Clear("commonEnv.C#password", key="credentials.git.password").command(
        "values.yaml", stack="prod", namespace="n"
    )
    assert command == (
        'python -m adoption secret "commonEnv.C#password" values.yaml | '
        "pulumi config set --secret --path 'credentials.git.password' --stack prod"
    )


def test_kubernetes_secret_goes_through_a_pipe() -> None:
    command = Clear("commonEnv.P", secret="a-p", entry="value").command(
        "--release n/r", stack="prod", namespace="n"
    )
    assert command == (
        'python -m adoption secret "commonEnv.P" --release n/r | '
        "kubectl --namespace n create secret generic a-p --from-file=value=/dev/stdin"
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"auths": 3}', '{"auths": {"a": {}}}', "no json"])
def test_unreadable_logins_are_none(text) -> None:
    assert docker_logins(text) == {}
