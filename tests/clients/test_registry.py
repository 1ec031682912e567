"""Container registries; tests/preflight/test_image_probe.py asks real ones, and hosts that answer like the others."""

from __future__ import annotations

import pytest

from clients.registry import Login

DIGEST = "sha256:" + "a" * 64


def test_a_login_never_shows_its_secrets():
    login = Login("robot", "canary-password", identity_token="canary-token")
    assert "canary" not in repr(login)
    assert login.basic == "Basic cm9ib3Q6Y2FuYXJ5LXBhc3N3b3Jk"


def test_a_token_service_in_plain_text_gets_no_password() -> None:
    from clients.http import Answer
    from clients.registry import Login, Registry, RegistryError

    headers = {"WWW-Authenticate": 'Bearer realm="http://tokens.invalid/t"'}
    registry = Registry("registry.example.com", Login("u", "canary"), timeout=1)
    with pytest.raises(RegistryError, match="https"):
        registry._authorize(  # noqa: SLF001 - no loopback server is served over https
            Answer(401, headers, b""), "a/b", push=False
        )
