"""The Git hosts of the delivery tests: the trial's own, another one under another name, and one over SSH, all with authentication."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.git_server import GitServer, serve
from tests.support.repositories import Repository
from tests.support.ssh_server import SshServer, ssh_server
from trial.environment import EnvironmentInfo
from trial.git_server import Grant, read_grants, write_grants


@dataclass
class HttpsHost:
    """A Git host over HTTPS."""

    url: Callable[[str], str]
    """Clone URL of a repository."""
    login: str
    """User name that goes with its tokens."""
    authority: Path
    """PEM file of its certificate authority."""
    root: Path
    """Folder with its bare repositories."""
    apply: Callable[[Mapping[str, list[str]]], None]
    """Lets only these tokens open these repositories."""
    granted: dict[str, list[str]] = field(default_factory=dict)

    def grant(self, repository: str, token: str) -> None:
        """Open a repository with a token, in addition to those that open it already."""
        self.granted.setdefault(repository, []).append(token)
        self.apply(self.granted)

    def withdraw(self, repository: str) -> None:
        """Let no token open a repository any more."""
        self.granted[repository] = []
        self.apply(self.granted)


def _trial_host(info: EnvironmentInfo) -> HttpsHost:
    """The trial's Git server, at 127.0.0.1."""
    file, login = Path(info.git.credentials_file), "robot"

    def apply(granted: Mapping[str, list[str]]) -> None:
        grants = {
            name: [Grant(login, token, write=True) for token in tokens] for name, tokens in granted.items()
        }
        write_grants(file, {**read_grants(file), **grants})

    url = f"{info.git.url}/{{}}".format
    return HttpsHost(url, login, Path(info.git.ca_file), Path(info.git.repositories_dir), apply)


def _other_host(server: GitServer) -> HttpsHost:
    """Another server with another authority, at localhost; a repository without a token is public there."""
    login = "reader"

    def apply(granted: Mapping[str, list[str]]) -> None:
        server.grants = {name: [(login, token) for token in tokens] for name, tokens in granted.items()}

    url = f"https://localhost:{server.address.rpartition(':')[2]}/{{}}".format
    return HttpsHost(url, login, server.authority, server.root, apply)


@dataclass
class Hosts:
    """All hosts."""

    trial: HttpsHost
    other: HttpsHost
    ssh: SshServer
    hidden: set[str]
    """Repositories that the other host does not serve for now."""

    def repository(self, root: Path, name: str) -> Repository:
        """Make an empty repository; one of that name from an earlier run of the tests is replaced."""
        for folder in (root / name, (root / name).with_suffix(".work")):
            shutil.rmtree(folder, ignore_errors=True)
        return Repository(root / name)


@contextmanager
def hosts(info: EnvironmentInfo, folder: Path) -> Iterator[Hosts]:
    """All hosts, running for a block."""
    (folder / "ssh").mkdir()
    with serve(folder / "other") as server, ssh_server(folder / "ssh") as ssh:
        yield Hosts(_trial_host(info), _other_host(server), ssh, server.hidden)
