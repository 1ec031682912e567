"""Credentials for Git as plain data."""

from __future__ import annotations

from clients.git import Access
from clients.git.access import NO_IDENTITIES, HostLogin

HEADER = "Authorization: Basic Y2FuYXJ5"


def test_the_header_goes_to_the_requested_repository_only():
    access = Access(header=HEADER, config=(("a.b", "c"),))
    asked = dict(access.config_for("https://git.example.com/a/b.git"))
    scoped = [key for key, value in asked.items() if value == HEADER]
    assert scoped
    assert all("https://git.example.com/a/b" in key for key in scoped)
    assert HEADER not in dict(access.config_for(None)).values()
    assert dict(access.config_for(None))["a.b"] == "c"


def test_every_secret_text_is_known_for_redaction():
    access = Access(header=HEADER, logins=(HostLogin("git.example.com", "me", "canary-password"),))
    assert "canary-password" in access.secrets()
    assert any("Y2FuYXJ5" in secret for secret in access.secrets())


def test_without_logins_a_host_that_asks_gets_nothing():
    access = Access(header=HEADER, logins=(HostLogin("git.example.com", "me", "canary"),))
    assert access.without_logins().logins == ()
    assert access.without_logins().header == HEADER


def test_a_key_is_a_file_and_other_keys_stay_out():
    access = Access.with_key("-----BEGIN X-----", known_hosts="git.example.com ssh-ed25519 AAAA")
    files = access.all_files()
    assert "-----BEGIN X-----" in files.values()
    assert any("StrictHostKeyChecking yes" in text for text in files.values())
    assert any("accept-new" in text for text in Access.with_key("x").all_files().values())
    assert NO_IDENTITIES in Access().all_files().values()
