"""Each way in which a real host refuses has its cause, with a message without credentials."""

from __future__ import annotations

import time

import pytest

from clients.git import Access, Cause, GitError, Session, ls_remote
from tests.clients.git.conftest import TOKEN, Host


def _ask(access: Access, url: str, *, timeout: float = 20) -> GitError:
    with Session(access, timeout=timeout) as session, pytest.raises(GitError) as caught:
        ls_remote(session, url)
    return caught.value


def test_the_right_token_opens(host: Host) -> None:
    with Session(host.access(), timeout=20) as session:
        refs = ls_remote(session, host.url)
    assert refs.branches == {"main": host.newest}
    assert refs.tags == {"v1": host.first}, "an annotated tag counts as its commit"


@pytest.mark.parametrize("token", ["canary-wrong-token", TOKEN + "x"])
def test_a_wrong_token(host: Host, token: str) -> None:
    error = _ask(host.access(token), host.url)
    assert error.cause is Cause.UNAUTHORISED
    assert token not in str(error)


def test_no_token(host: Host) -> None:
    assert _ask(Access(authority=host.server.authority.read_text()), host.url).cause is Cause.UNAUTHORISED


def test_an_unknown_authority(host: Host) -> None:
    assert _ask(Access(), host.public_url).cause is Cause.TLS


def test_a_repository_that_does_not_exist(host: Host) -> None:
    assert _ask(host.access(), host.server.url("org/none.git")).cause is Cause.NOT_FOUND


def test_a_host_that_is_down(host: Host) -> None:
    url = host.url
    host.server.stop()
    assert _ask(host.access(), url).cause is Cause.UNREACHABLE


def test_a_name_that_does_not_resolve() -> None:
    assert _ask(Access(), "https://git.invalid/org/dags.git").cause is Cause.UNREACHABLE


def test_a_host_that_hangs_costs_the_time_limit(host: Host) -> None:
    host.server.delay = 60
    begun = time.monotonic()
    error = _ask(host.access(), host.url, timeout=1)
    assert error.cause is Cause.TIMEOUT
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("url", ["file:///etc", "ext::sh -c id", "--upload-pack=id", "/etc"])
def test_addresses_that_are_no_hosts_are_not_opened(url: str) -> None:
    assert _ask(Access(), url).cause in {Cause.NOT_FOUND, Cause.OTHER}
