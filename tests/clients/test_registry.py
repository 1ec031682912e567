"""Container registries; tests/preflight/test_image.py asks real ones, and hosts that answer like the others."""

from __future__ import annotations

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
