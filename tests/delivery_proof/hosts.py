"""The Git hosts of the delivery tests: the trial's own, another one under another name, and sshd. All real, all with authentication."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.support.git_server import GitServer, serve
from tests.support.repositories import Repository
from tests.support.ssh_server import SshServer, ssh_server
from trial.environment import EnvironmentInfo
from trial.git_server import Grant, read_grants, write_grants


class HttpsHost(Protocol):
    """A Git host over HTTPS."""

    authority: Path
    """PEM file of its certificate authority."""
    login: str
    """User name that goes with its tokens."""
    root: Path
    """Folder with its bare repositories."""

    def url(self, repository: str) -> str:
        """Clone URL."""
        ...

    def grant(self, repository: str, token: str) -> None:
        """Open a repository with a token, in addition to those that open it already."""
        ...

    def withdraw(self, repository: str) -> None:
        """Let no token open a repository any more."""
        ...


class TrialHost:
    """The trial's Git server, at 127.0.0.1."""

    login = "robot"

    def __init__(self, info: EnvironmentInfo) -> None:
        self.info = info
        self.authority = Path(info.git.ca_file)
        self.root = Path(info.git.repositories_dir)
        self.credentials = Path(info.git.credentials_file)
        self.granted: dict[str, list[Grant]] = {}

    def url(self, repository: str) -> str:
        """Clone URL."""
        return f"{self.info.git.url}/{repository}"

    def grant(self, repository: str, token: str) -> None:
        """Open a repository with a token."""
        self.granted.setdefault(repository, []).append(Grant(self.login, token, write=True))
        self._write()

    def withdraw(self, repository: str) -> None:
        """Let no token open a repository any more."""
        self.granted[repository] = []
        self._write()

    def _write(self) -> None:
        write_grants(self.credentials, {**read_grants(self.credentials), **self.granted})


class OtherHost:
    """Another server with another authority, at localhost; a repository without a token is public there."""

    login = "reader"

    def __init__(self, server: GitServer) -> None:
        self.server = server
        self.authority = server.authority
        self.root = server.root

    def url(self, repository: str) -> str:
        """Clone URL."""
        return f"https://localhost:{self.server.address.rpartition(':')[2]}/{repository}"

    def grant(self, repository: str, token: str) -> None:
        """Open a repository with a token."""
        self.server.grants.setdefault(repository, []).append((self.login, token))

    def withdraw(self, repository: str) -> None:
        """Let no token open a repository any more."""
        self.server.grants[repository] = []


@dataclass
class Hosts:
    """All hosts."""

    trial: TrialHost
    other: OtherHost
    ssh: SshServer

    def repository(self, root: Path, name: str) -> Repository:
        """Make an empty repository; one of that name from an earlier run of the tests is replaced."""
        bare = root / name
        _remove(bare)
        _remove(bare.with_suffix(".work"))
        return Repository(bare)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def hosts(info: EnvironmentInfo, folder: Path) -> Iterator[Hosts]:
    """All hosts, running for a block."""
    server = serve(folder / "other")
    try:
        (folder / "ssh-repositories").mkdir()
        with ssh_server(folder / "ssh-repositories") as ssh:
            yield Hosts(TrialHost(info), OtherHost(server), ssh)
    finally:
        server.stop()
