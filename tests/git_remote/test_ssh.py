"""Deploy keys over a real sshd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import delivery
from git_remote import Access, Cause, GitError, Session, agents_access, ls_remote
from tests.support.repositories import Repository
from tests.support.ssh_server import SshServer, ssh_server
from tests.support.stacks import ROOT, settings_of, stack


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[SshServer]:
    """The server with two repositories."""
    root = tmp_path / "repositories"
    for name in ("org/dags.git", "org/dbt.git"):
        Repository(root / name).commit({"a.txt": name})
    with ssh_server(tmp_path / "sshd", root) as server:
        yield server


def _settings(server: SshServer, key: str, known_hosts: str | None) -> object:
    connection = {"type": "ssh", **({"knownHosts": known_hosts} if known_hosts else {})}
    return settings_of(
        stack(
            dags={"repo": server.url("org/dags.git"), "connection": "deploy"},
            dbtProjects=[{"name": "jaffle", "path": "dags/dbt/jaffle"}],
            connections={"deploy": connection},
            credentials={"deploy": {"privateKey": key}},
        )
    )


@pytest.mark.parametrize("known", [True, False])
def test_a_deploy_key_opens_its_repository(sshd: SshServer, known: bool) -> None:
    settings = _settings(sshd, sshd.key("org/dags.git"), sshd.known_hosts if known else None)
    with Session(Access.of(settings, "deploy", root=ROOT), timeout=30) as session:  # type: ignore[arg-type]
        assert ls_remote(session, sshd.url("org/dags.git")).branches
    view = agents_access(settings, delivery.plan(settings, authorities={}))  # type: ignore[arg-type]
    with Session(view.access, timeout=30) as session:
        assert ls_remote(session, view.dags_url).branches, "by the alias that the agents use"


def test_a_key_that_opens_nothing(sshd: SshServer) -> None:
    key = sshd.key("org/dags.git")
    sshd.withdraw(key)
    settings = _settings(sshd, key, sshd.known_hosts)
    error = _refusal(Access.of(settings, "deploy", root=ROOT), sshd.url("org/dags.git"))  # type: ignore[arg-type]
    assert error.cause is Cause.UNAUTHORISED
    assert "PRIVATE KEY" not in str(error)


def test_another_host_key_than_the_known_one(sshd: SshServer, tmp_path: Path) -> None:
    other = (tmp_path / "other").as_posix()
    import subprocess

    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    kind, key = Path(other + ".pub").read_text().split()[:2]
    wrong = f"{sshd.known_hosts.split()[0]} {kind} {key}"
    settings = _settings(sshd, sshd.key("org/dags.git"), wrong)
    error = _refusal(Access.of(settings, "deploy", root=ROOT), sshd.url("org/dags.git"))  # type: ignore[arg-type]
    assert error.cause is Cause.HOST_KEY


def test_no_key_of_the_user_is_tried(sshd: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    error = _refusal(Access(), sshd.url("org/dags.git"))
    assert error.cause in {Cause.UNAUTHORISED, Cause.HOST_KEY}


def _refusal(access: Access, url: str) -> GitError:
    with Session(access, timeout=30) as session, pytest.raises(GitError) as caught:
        ls_remote(session, url)
    return caught.value
