"""Looking into single commits, also on hosts that can do less."""

from __future__ import annotations

import pytest

from clients.git import Cause, GitError, PartialClone, Session
from tests.clients.git.conftest import Host
from tests.support.repositories import git


def test_files_are_read_without_a_clone(host: Host) -> None:
    host.private.commit({"big.bin": "x" * 500_000 + host.first})
    host.server.forget()
    with Session(host.access(), timeout=20) as session:
        clone = PartialClone(session, host.url)
        commit = clone.fetch("refs/heads/main")
        entries = {entry.path: entry for entry in clone.entries(commit)}
        assert clone.read([entries["README.md"]]) == {"README.md": b"hello\n"}
    assert entries["dags"].kind == "folder"
    assert host.server.bytes_sent < 5_000, "the large file must not travel"


@pytest.mark.parametrize("protocol_2", [True, False])
@pytest.mark.parametrize("filters", [True, False])
def test_an_old_commit_is_found_on_any_host(host: Host, protocol_2: bool, filters: bool) -> None:
    host.server.protocol_2, host.server.filters, host.server.any_commit = protocol_2, filters, False
    with Session(host.access(), timeout=20) as session:
        clone = PartialClone(session, host.url)
        assert clone.fetch(host.first, branches=("refs/heads/main",)) == host.first
        entries = {entry.path: entry for entry in clone.entries(host.first)}
        assert clone.read([entries["dags/a.py"]]) == {"dags/a.py": b"one\n"}


@pytest.mark.parametrize("protocol_2", [True, False])
def test_a_commit_that_nobody_has(host: Host, protocol_2: bool) -> None:
    host.server.protocol_2, host.server.any_commit = protocol_2, False
    with Session(host.access(), timeout=20) as session, pytest.raises(GitError) as caught:
        PartialClone(session, host.url).fetch("1" * 40, branches=("refs/heads/main",))
    assert caught.value.cause is Cause.MISSING_REF


def test_how_far_a_pin_is_behind(host: Host) -> None:
    commits = git("rev-list", "--reverse", "HEAD", cwd=host.public.tree).split()
    with Session(host.access(), timeout=20) as session:
        clone = PartialClone(session, host.public_url)
        clone.fetch("refs/heads/main")
        counted = clone.lag(commits[2], "refs/heads/main", limit=10)
        cut = clone.lag(commits[0], "refs/heads/main", limit=3)
        stray = clone.lag("1" * 40, "refs/heads/main", limit=10)
    assert counted is not None
    assert (counted.commits, counted.more, counted.diverged) == (3, False, False)
    assert cut is not None
    assert (cut.more, cut.diverged) == (True, False)
    assert stray is not None
    assert stray.diverged


def test_history_is_not_counted_where_it_would_cost_a_clone(host: Host) -> None:
    host.server.filters = False
    with Session(host.access(), timeout=20) as session:
        clone = PartialClone(session, host.public_url)
        clone.fetch("refs/heads/main")
        assert clone.lag("1" * 40, "refs/heads/main", limit=10) is None
