"""Logins of the Docker configuration: in plain text, by identity token, by a credential helper."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from clients.docker_config import docker_login, has_credential_helper, helper_login
from clients.registry import Login

SERVER = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the Docker configuration, which is also the PATH of helpers."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def _write(folder: Path, **config: object) -> None:
    (folder / "config.json").write_text(json.dumps(config))


def _helper(folder: Path, name: str, script: str) -> None:
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_login_in_plain_text(configure: Path) -> None:
    auth = base64.b64encode(b"robot:canary").decode()
    _write(configure, auths={f"https://{SERVER}": {"auth": auth}})
    assert docker_login(SERVER) == Login("robot", "canary")
    assert helper_login(SERVER) is None
    assert not has_credential_helper(SERVER)


def test_a_helper_makes_a_token_that_is_stored_nowhere(configure: Path) -> None:
    answer = json.dumps({"ServerURL": SERVER, "Username": "AWS", "Secret": "canary-token"})
    _helper(configure, "ecr-login", f'test "$1" = get && test "$(cat)" = {SERVER} && echo \'{answer}\'')
    _write(configure, credHelpers={SERVER: "ecr-login"})
    found = helper_login(SERVER)
    assert found == Login("AWS", "canary-token")
    assert "canary" not in repr(found)
    assert helper_login("registry.example.com") is None
    assert "canary" not in (configure / "config.json").read_text()


def test_an_identity_token_of_a_store(configure: Path) -> None:
    answer = json.dumps({"Username": "<token>", "Secret": "canary-refresh"})
    _helper(configure, "pass", f"echo '{answer}'")
    _write(configure, credsStore="pass")
    assert helper_login("acme.azurecr.io") == Login("<token>", "", identity_token="canary-refresh")


@pytest.mark.parametrize("script", ["exit 1", "echo credentials not found", "echo '{}'", "echo '[]'"])
def test_a_helper_that_has_nothing(configure: Path, script: str) -> None:
    _helper(configure, "pass", script)
    _write(configure, credsStore="pass")
    assert helper_login(SERVER) is None


def test_a_helper_that_is_not_installed(configure: Path) -> None:
    _write(configure, credsStore="osxkeychain")
    assert helper_login(SERVER) is None
    assert has_credential_helper(SERVER)


@pytest.mark.parametrize(
    "entry", [{"auth": 5}, {"auth": None}, {"auth": "é"}, {"auth": "YQ"}, "text", None, []]
)
def test_an_entry_that_is_none_is_no_login_and_no_traceback(configure: Path, entry: object) -> None:
    _write(configure, auths={SERVER: entry})
    assert docker_login(SERVER) is None
