"""What a session lets in and out: no settings of the user's, no credential outside the environment."""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.git import Access, Cause, GitError, Session, checkout, ls_remote
from clients.git import session as session_module
from clients.git.access import HostLogin
from domain.connection_secret import http_header
from tests.clients.git.conftest import TOKEN, Host
from trial.certificates import Authority


class Watch:
    """Collects the command lines of all processes while a block runs."""

    def __enter__(self) -> Watch:
        self.seen: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue
            time.sleep(0.01)


def test_the_token_is_in_no_command_line_log_or_file(
    host: Host, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host.server.delay = 0.2
    caplog.set_level(logging.DEBUG)
    login = HostLogin(host.server.address, "robot", TOKEN)
    by_helper = Access(authority=host.server.authority.read_text(), logins=(login,))
    with Watch() as watch:
        for access in (host.access(), by_helper):
            with Session(access, timeout=30) as session:
                ls_remote(session, host.url)
                written = [path for path in session.folder.rglob("*") if path.is_file()]
                assert all(TOKEN not in path.read_text(errors="replace") for path in written)
        checkout(host.url, "main", tmp_path / "out", access=host.access())
    header = http_header("robot", TOKEN).split()[-1]
    transports = [line for line in watch.seen if "remote-https" in line or "git-remote" in line]
    assert transports, "the watch must have seen git at work, or it proves nothing"
    assert not [line for line in watch.seen if TOKEN in line or header in line]
    assert TOKEN not in caplog.text
    assert all(TOKEN not in path.read_text(errors="replace") for path in (tmp_path / "out").rglob("*.*"))


def test_a_netrc_of_the_user_opens_nothing(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    simple = "canary-simple-token"
    host.server.grants["org/private.git"].append(("robot", simple))
    (home / ".netrc").write_text(f"machine 127.0.0.1 login robot password {simple}\n")
    (home / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(home))
    with (
        Session(Access(authority=host.server.authority.read_text()), timeout=20) as session,
        pytest.raises(GitError) as caught,
    ):
        ls_remote(session, host.url)
    assert caught.value.cause is Cause.UNAUTHORISED


def test_settings_and_variables_of_the_user_stay_out(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text('[url "https://elsewhere.invalid/"]\n\tinsteadOf = https://127.0.0.1\n')
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_TRACE_CURL", str(trace))
    monkeypatch.setenv("GIT_TRACE_REDACT", "0")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'http.extraheader=Broken: 1'")
    session_module.machine_config.cache_clear()
    with Session(host.access(), timeout=20) as session:
        assert ls_remote(session, host.url).branches
    session_module.machine_config.cache_clear()
    assert not trace.exists(), "a trace would have written the header into a file"


def test_proxies_of_the_users_git_settings_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text(
        "[http]\n\tproxy = http://proxy.invalid:3128\n\textraHeader = X-Mine: 1\n"
        '[http "https://git.example.com/"]\n\tproxy = http://other.invalid:3128\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    session_module.machine_config.cache_clear()
    with Session(Access(), timeout=20) as session:
        values = set(session.environment(None).values())
    session_module.machine_config.cache_clear()
    assert {"http://proxy.invalid:3128", "http://other.invalid:3128"} <= values
    assert "X-Mine: 1" not in values


def test_an_inherited_authority_does_not_beat_that_of_the_connection(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Authority(tmp_path / "other", name="another")
    other.ensure([])
    monkeypatch.setenv("GIT_SSL_CAINFO", str(other.pair.certificate))
    with Session(host.access(), timeout=20) as session:
        assert ls_remote(session, host.url).branches


def test_an_inherited_authority_still_serves_other_hosts(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSL_CAINFO", str(host.server.authority))
    with Session(Access(), timeout=20) as session:
        assert ls_remote(session, host.public_url).branches


def test_files_are_private_and_gone_afterwards() -> None:
    access = Access(files={"git/ssh-privatekey": "canary-key\n"})
    with Session(access, timeout=20) as session:
        folder = session.folder
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert not folder.exists()


def test_nothing_of_a_command_is_left_when_time_is_up(host: Host) -> None:
    host.server.delay = 60
    with Session(host.access(), timeout=1) as session, pytest.raises(GitError):
        ls_remote(session, host.url)
    deadline = time.monotonic() + 10
    while _transports(host.url) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _transports(host.url), "git's transport must not outlive git"


def _transports(url: str) -> set[str]:
    """Processes of Git that fetch from a URL, which no other test has."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"remote-https" in (words := path.read_bytes()) and url.encode() in words:
                found.add(path.parent.name)
        except OSError:
            continue
    return found


@pytest.fixture
def other_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is all of PATH; Git's version is asked for once per run, so it is asked for again."""
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    session_module.git_version.cache_clear()
    yield tmp_path
    session_module.git_version.cache_clear()


def test_too_old_a_git_is_reported(other_path: Path) -> None:
    old = other_path / "git"
    old.write_text("#!/bin/sh\necho git version 2.20.1\n")
    old.chmod(0o755)
    with pytest.raises(GitError, match=r"2\.31") as caught, Session(Access(), timeout=1):
        pass
    assert caught.value.cause is Cause.NO_GIT


def test_no_git_is_reported(other_path: Path) -> None:
    with pytest.raises(GitError) as caught, Session(Access(), timeout=1):
        pass
    assert caught.value.cause is Cause.NO_GIT
