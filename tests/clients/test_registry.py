"""Container registries; tests/preflight/test_image_probe.py asks real ones, and hosts that answer like the others."""

from __future__ import annotations

from typing import Any

import pytest

from clients.registry import Login, Reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "server", "repository", "tag"),
    [
        ("registry.example.com/a/b:1.2", "registry.example.com", "a/b", "1.2"),
        ("localhost/a", "localhost", "a", "latest"),
        ("127.0.0.1:5000/a", "127.0.0.1:5000", "a", "latest"),
        (f"registry.example.com/a:1@{DIGEST}", "registry.example.com", "a", DIGEST),
        ("apache/airflow:3.1", "docker.io", "apache/airflow", "3.1"),
        ("debian", "docker.io", "library/debian", "latest"),
    ],
)
def test_parts_of_a_reference(text, server, repository, tag):
    assert Reference.parse(text) == Reference(server, repository, tag)


def test_a_login_never_shows_its_secrets():
    login = Login("robot", "canary-password", identity_token="canary-token")
    assert "canary" not in repr(login)
    assert login.basic == "Basic cm9ib3Q6Y2FuYXJ5LXBhc3N3b3Jk"


def test_a_token_service_in_plain_text_gets_no_password() -> None:
    from clients.http import Answer
    from clients.registry import Login, Registry, RegistryError

    headers: Any = type("H", (), {"get_all": lambda *_: ['Bearer realm="http://tokens.invalid/t"']})()
    registry = Registry("registry.example.com", Login("u", "canary"), timeout=1)
    with pytest.raises(RegistryError, match="https"):
        registry._authorize(  # noqa: SLF001 - no loopback server is served over https
            Answer(401, headers, b""), "a/b", push=False
        )


@pytest.mark.parametrize(
    ("text", "server", "repository", "tag"),
    [
        ("python:3.12", "docker.io", "library/python", "3.12"),
        ("acme/agent", "docker.io", "acme/agent", "latest"),
        ("localhost/agent:1", "localhost", "agent", "1"),
        ("127.0.0.1:5000/a/b:1", "127.0.0.1:5000", "a/b", "1"),
        ("r.example.com/a@sha256:" + "0" * 64, "r.example.com", "a", "sha256:" + "0" * 64),
        ("r.example.com/a:1@sha256:" + "0" * 64, "r.example.com", "a", "sha256:" + "0" * 64),
    ],
)
def test_references(text: str, server: str, repository: str, tag: str) -> None:
    assert Reference.parse(text) == Reference(server, repository, tag)
