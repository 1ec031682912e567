"""The commit that a branch, tag or commit id means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.git import Access, PartialClone, Session, ls_remote
from preflight.report import Finding
from preflight.tracked import tracked_commit
from tests.support.git_server import GitServer, serve
from tests.support.repositories import Repository

pytestmark = pytest.mark.git_host


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    running = serve(tmp_path / "server")
    yield running
    running.stop()


def _tracked(server: GitServer, ref: str) -> str | Finding:
    url = server.url("dags.git")
    with Session(Access(authority=server.authority.read_text()), timeout=30) as session:
        return tracked_commit(
            PartialClone(session, url), ls_remote(session, url), ref, url=url, at="dags.ref"
        )


def _repository(server: GitServer) -> Repository:
    return Repository(server.root / "dags.git")


def test_branch_tag_and_commit(server: GitServer) -> None:
    repository = _repository(server)
    commit = repository.commit({"a": "1"})
    repository.tag("v1")
    assert {_tracked(server, ref) for ref in ("main", "v1", commit)} == {commit}


@pytest.mark.parametrize("ref", ["mian", "1" * 40])
def test_what_does_not_exist_is_a_finding(server: GitServer, ref: str) -> None:
    _repository(server).commit({"a": "1"})
    found = _tracked(server, ref)
    assert isinstance(found, Finding)
    assert (found.check, found.case, found.key) == ("git.ref", "missing", "dags.ref")
    assert "write main" in found.message


def test_an_empty_repository(server: GitServer) -> None:
    _repository(server)
    found = _tracked(server, "main")
    assert isinstance(found, Finding)
    assert "the repository is empty" in found.message
