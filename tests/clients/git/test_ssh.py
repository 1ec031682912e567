"""Deploy keys over SSH, with the ssh of this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import delivery
from clients.git import Access, Cause, GitError, Session, ls_remote
from delivery.git_access import SSH_CONFIG
from domain.connection_secret import CONNECTION_KEY, HEADER_KEY, airflow_connection, http_header
from preflight.agents_access import AgentsAccess, agents_access
from preflight.connection import repository_access
from settings.stack import Settings
from tests.support.repositories import Repository
from tests.support.ssh_server import SshServer, ssh_server
from tests.support.stacks import ROOT, settings_of, stack

pytestmark = pytest.mark.git_host


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[SshServer]:
    """The server with two repositories."""
    root = tmp_path / "repositories"
    for name in ("org/dags.git", "org/dbt.git"):
        Repository(root / name).commit({"a.txt": name})
    with ssh_server(root) as server:
        yield server


def _settings(server: SshServer, key: str, known_hosts: str | None) -> Settings:
    connection = {"type": "ssh", **({"knownHosts": known_hosts} if known_hosts else {})}
    return settings_of(
        stack(
            dags={"repo": server.url("org/dags.git"), "connection": "deploy"},
            dbtProjects=[{"name": "jaffle", "path": "dags/dbt/jaffle"}],
            connections={"deploy": connection},
            credentials={"deploy": {"privateKey": key}},
        )
    )


def _access(settings: Settings) -> Access:
    return repository_access(settings, "deploy", root=ROOT, secrets=lambda _: None)


@pytest.mark.parametrize("known", [True, False])
def test_a_deploy_key_opens_its_repository(sshd: SshServer, known: bool) -> None:
    settings = _settings(sshd, sshd.key("org/dags.git"), sshd.known_hosts if known else None)
    with Session(_access(settings), timeout=30) as session:
        assert ls_remote(session, sshd.url("org/dags.git")).branches
    view = agents_access(settings, delivery.plan(settings, authorities={}), settings.git_bundles[0])
    with Session(view.access, timeout=30) as session:
        assert ls_remote(session, view.dags_url).branches, "by the alias that the agents use"


def test_a_key_that_opens_nothing(sshd: SshServer) -> None:
    key = sshd.key("org/dags.git")
    sshd.withdraw(key)
    settings = _settings(sshd, key, sshd.known_hosts)
    error = _refusal(_access(settings), sshd.url("org/dags.git"))
    assert error.cause is Cause.UNAUTHORISED
    assert "PRIVATE KEY" not in str(error)


def test_another_host_key_than_the_known_one(sshd: SshServer, tmp_path: Path) -> None:
    wrong = f"{sshd.known_hosts.split()[0]} {_another_key(tmp_path)}"
    settings = _settings(sshd, sshd.key("org/dags.git"), wrong)
    error = _refusal(_access(settings), sshd.url("org/dags.git"))
    assert error.cause is Cause.HOST_KEY


def test_no_key_of_the_user_is_tried(sshd: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    error = _refusal(Access(), sshd.url("org/dags.git"))
    assert error.cause in {Cause.UNAUTHORISED, Cause.HOST_KEY}


def _refusal(access: Access, url: str) -> GitError:
    with Session(access, timeout=30) as session, pytest.raises(GitError) as caught:
        ls_remote(session, url)
    return caught.value


def _https_dags(
    server: SshServer, *, extra: dict[str, str] | None, known_hosts: str | None = None, second: bool = False
) -> AgentsAccess:
    """The agents' view of a Dag repository over https whose submodules are opened over SSH.

    ``extra`` is that of the connection in a Secret of the user's; None: the program makes the Secret.
    """
    url = "https://git.example.com/org/dags.git"
    made = {"type": "https"} if extra is None else {"type": "https", "existingSecret": "mine"}
    deploy = {"type": "ssh", **({"knownHosts": known_hosts} if known_hosts else {})}
    submodules = [{"repo": server.url("org/other.git"), "connection": "other"}] if second else []
    keys = {"deploy": {"privateKey": server.key("org/dbt.git")}}
    settings = settings_of(
        stack(
            dags={"repo": url, "connection": "git", "submodules": submodules},
            dbtProjects=[
                {
                    "name": "jaffle",
                    "path": "dags/dbt/jaffle",
                    "repo": server.url("org/dbt.git"),
                    "connection": "deploy",
                }
            ],
            connections={"git": made, "deploy": deploy, **({"other": {"type": "ssh"}} if second else {})},
            credentials={
                **keys,
                **({"other": keys["deploy"]} if second else {}),
                **({"git": {"password": "canary-t"}} if extra is None else {}),
            },
        )
    )
    connection = airflow_connection(url, login="robot", password="canary-t", extra=extra)
    held = {"mine": {CONNECTION_KEY: connection, HEADER_KEY: http_header("robot", "canary-t")}}
    return agents_access(
        settings, delivery.plan(settings, authorities={}), settings.git_bundles[0], secrets=held.get
    )


def _opens(view: AgentsAccess, url: str) -> Cause | None:
    """Why a repository does not open with what the agents have; None when it does."""
    assert not view.problems
    with Session(view.access, timeout=30) as session:
        try:
            ls_remote(session, url)
        except GitError as error:
            return error.cause
    return None


@pytest.mark.parametrize(
    ("option", "cause"),
    [("yes", Cause.HOST_KEY), ("accept-new", None), ("no", None), (None, None)],
)
def test_the_host_key_checking_of_the_users_connection_counts(
    sshd: SshServer, option: str | None, cause: Cause | None
) -> None:
    extra = {"ssh_config_file": SSH_CONFIG, **({"strict_host_key_checking": option} if option else {})}
    assert _opens(_https_dags(sshd, extra=extra), sshd.url("org/dbt.git")) is cause


def test_a_wrong_host_key_is_taken_only_where_the_users_connection_says_so(
    sshd: SshServer, tmp_path: Path
) -> None:
    wrong = f"{sshd.known_hosts.split()[0]} {_another_key(tmp_path)}"
    for option, cause in (("no", None), ("accept-new", Cause.HOST_KEY)):
        extra = {"ssh_config_file": SSH_CONFIG, "strict_host_key_checking": option}
        view = _https_dags(sshd, extra=extra, known_hosts=wrong)
        assert _opens(view, sshd.url("org/dbt.git")) is cause


def test_the_least_known_host_decides_for_all_as_on_the_agents(sshd: SshServer, tmp_path: Path) -> None:
    elsewhere = f"git.example.com {_another_key(tmp_path)}"
    alone = _https_dags(sshd, extra=None, known_hosts=elsewhere)
    assert _opens(alone, sshd.url("org/dbt.git")) is Cause.HOST_KEY
    next_to_it = _https_dags(sshd, extra=None, known_hosts=elsewhere, second=True)
    assert _opens(next_to_it, sshd.url("org/dbt.git")) is None


@pytest.mark.parametrize(
    ("extra", "problem"),
    [
        ({}, "no ssh_config_file"),
        ({"ssh_config_file": SSH_CONFIG, "strict_host_key_checking": "$(id)"}, "strict_host_key_checking"),
    ],
)
def test_a_connection_of_the_users_that_opens_no_submodule_over_ssh(
    sshd: SshServer, extra: dict[str, str], problem: str
) -> None:
    assert problem in _https_dags(sshd, extra=extra).problems["git"]


def _another_key(folder: Path) -> str:
    path = folder / "another"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


@pytest.mark.parametrize("path", ["/srv/org/dags.git", "org/dags.git"])
def test_a_path_means_what_it_means_to_a_plain_sshd(sshd: SshServer, path: str) -> None:
    """The leading slash of `ssh://host/srv/…` and `git@host:/srv/…` reaches the server, and none is added."""
    url = f"[git@127.0.0.1:{sshd.port}]:{path}"
    server = SimpleNamespace(url=lambda _: url)
    settings = _settings(server, sshd.key("org/dags.git"), sshd.known_hosts)  # type: ignore[arg-type]
    view = agents_access(settings, delivery.plan(settings, authorities={}), settings.git_bundles[0])
    assert view.dags_url == f"git@astro-dbt-deploy:{path}"
    with Session(view.access, timeout=30) as session:
        assert ls_remote(session, view.dags_url).branches
