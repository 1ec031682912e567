"""Fixtures: a real Git server over HTTPS with a private and a public repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.git import Access
from domain.connection_secret import http_header
from tests.support.git_server import GitServer, serve
from tests.support.repositories import Repository

TOKEN = "canary-token-Zq7/@:%#'\""
"""Every character that has ever broken a token on its way."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tests with a Git host of their own are no quick ones."""
    if "host" in getattr(item, "fixturenames", ()):
        item.add_marker("git_host")


@dataclass
class Host:
    """The server, its repositories, and the access that opens the private one."""

    server: GitServer
    private: Repository
    public: Repository
    first: str
    newest: str

    @property
    def url(self) -> str:
        """Clone URL of the private repository."""
        return self.server.url("org/private.git")

    @property
    def public_url(self) -> str:
        """Clone URL of the public repository."""
        return self.server.url("org/public.git")

    def access(self, token: str = TOKEN) -> Access:
        """Access with a token."""
        return Access(header=http_header("robot", token), authority=self.server.authority.read_text())


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """The server with one commit in the private and six in the public repository."""
    server = serve(tmp_path / "server")
    private = Repository(server.root / "org" / "private.git")
    first = private.commit({"dags/a.py": "one\n", "README.md": "hello\n", "dags/run.sh": "#!/bin/sh\n"})
    private.tag("v1")
    newest = private.commit({"dags/a.py": "two\n"})
    public = Repository(server.root / "org" / "public.git")
    for number in range(6):
        public.commit({"models/a.sql": f"select {number}\n"})
    server.grants = {"org/private.git": [("robot", TOKEN)]}
    yield Host(server, private, public, first, newest)
    server.stop()
