"""From settings to credentials: the stack's view and the agents'."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import delivery
from clients.git import Access, Cause, GitError, Session
from domain.connection_secret import CONNECTION_KEY, HEADER_KEY, SSH_KEY, http_header
from preflight.agents_access import agents_access, git_config
from preflight.connection import repository_access
from tests.support.stacks import ROOT, settings_of, stack
from tests.support.stacks import SSH_KEY as KEY

URL = "https://git.example.com/platform/dags.git"


def _view(config: dict[str, Any], secrets: dict[str, dict[str, str]] | None = None) -> Any:
    settings = settings_of(config)
    plan = delivery.plan(settings, authorities={})
    return agents_access(settings, plan, settings.git_bundles[0], secrets=(secrets or {}).get)


def no_secrets(_: str) -> None:
    return None


def test_a_header_goes_to_the_repository_alone() -> None:
    access = repository_access(settings_of(), "git", root=ROOT, secrets=no_secrets)
    keys = [key for key, _ in access.config_for(URL)]
    assert keys == [f"http.{URL}.extraHeader", f"http.{URL.removesuffix('.git')}.extraHeader"]
    assert access.config_for("git@git.example.com:platform/dags.git") == ()
    assert access.config_for(None) == ()


def test_nothing_secret_shows_in_a_repr() -> None:
    settings = settings_of()
    access = repository_access(settings, "git", root=ROOT, secrets=no_secrets)
    view = agents_access(settings, delivery.plan(settings, authorities={}), settings.git_bundles[0])
    for text in (repr(access), repr(view)):
        assert "canary" not in text
        assert http_header("robot", "canary-git-token").split()[-1] not in text


def test_no_connection_is_anonymous() -> None:
    assert repository_access(settings_of(), None, root=ROOT, secrets=no_secrets) == Access()


def test_a_backend_keeps_its_credentials() -> None:
    config = stack(connections={"git": {"type": "https", "backend": True}}, credentials=None)
    with pytest.raises(GitError) as caught:
        repository_access(settings_of(config), "git", root=ROOT, secrets=no_secrets)
    assert caught.value.cause is Cause.NO_CREDENTIALS
    assert _view(config).unknown == {"git": "the secrets backend holds it"}


def test_an_existing_secret_is_read_from_the_cluster() -> None:
    config = stack(connections={"git": {"type": "https", "existingSecret": "mine"}}, credentials=None)
    connection = json.dumps({"conn_type": "git", "host": URL, "login": "u", "password": "canary-x"})
    held = {"mine": {CONNECTION_KEY: connection, HEADER_KEY: http_header("u", "canary-x")}}
    assert (
        repository_access(settings_of(config), "git", root=ROOT, secrets=held.get).header
        == held["mine"][HEADER_KEY]
    )
    view = _view(config, held)
    assert view.dags_url == URL
    assert [login.login for login in view.access.logins] == ["u"]
    assert not view.unknown
    assert not view.problems


@pytest.mark.parametrize(
    ("held", "problem"),
    [
        ({HEADER_KEY: "Authorization: Basic eA=="}, "has no key connection"),
        ({CONNECTION_KEY: '{"host": "git@h:x"}', HEADER_KEY: "x y"}, "not an https clone URL"),
        ({CONNECTION_KEY: json.dumps({"host": URL}), HEADER_KEY: "x y"}, "without password"),
    ],
)
def test_an_existing_secret_that_is_not_whole(held: dict[str, str], problem: str) -> None:
    config = stack(connections={"git": {"type": "https", "existingSecret": "mine"}}, credentials=None)
    assert problem in _view(config, {"mine": held}).problems["git"]


def test_an_existing_secret_that_cannot_be_read_is_unknown() -> None:
    config = stack(connections={"git": {"type": "https", "existingSecret": "mine"}}, credentials=None)
    assert "mine" in _view(config).unknown["git"]


def test_the_agents_have_what_the_plan_gives_them() -> None:
    settings = settings_of()
    plan = delivery.plan(settings, authorities={})
    view = agents_access(settings, plan, settings.git_bundles[0])
    header = http_header("robot", "canary-git-token")
    assert [key for key, _ in git_config(plan.environment)] == [key for key, _ in view.access.config]
    assert header in dict(view.access.config).values()
    assert [(login.authority, login.password) for login in view.access.logins] == [
        ("git.example.com", "canary-git-token")
    ]


def test_ssh_keys_are_where_the_agents_configuration_expects_them() -> None:
    config = stack(
        dags={"repo": "git@git.example.com:platform/dags.git", "connection": "deploy"},
        dbtProjects=[{"name": "jaffle", "path": "dags/dbt/jaffle"}],
        connections={"deploy": {"type": "ssh", "knownHosts": "git.example.com ssh-ed25519 AAAA"}},
        credentials={"deploy": {"privateKey": KEY}},
    )
    view = _view(config)
    assert view.access.files[f"deploy/{SSH_KEY}"] == KEY
    assert f"/deploy/{SSH_KEY}" in view.access.files["config/ssh_config"]
    assert view.dags_url == "git@astro-dbt-deploy:platform/dags.git"


def test_a_ca_bundle_serves_its_host_alone(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    config = stack(connections={"git": {"type": "https", "caBundle": str(tmp_path / "ca.crt")}})
    access = repository_access(settings_of(config), "git", root=ROOT, secrets=no_secrets)
    assert dict(access.config_for(URL))["http.https://git.example.com/.sslCAInfo"].endswith("authority.crt")
    assert "http.https://other.example.com/.sslCAInfo" not in dict(access.config_for(URL))


def test_dbt_package_over_ssh_asks_nothing_of_the_dag_repositorys_connection() -> None:
    """`dbt deps` runs outside the provider, whose ssh options come from that connection."""
    config = stack(
        dbtProjects=[{"name": "jaffle", "path": "dags/dbt/jaffle"}],
        dbtPackages=[{"repo": "git@git.example.com:analytics/macros.git", "connection": "packages"}],
        connections={**stack()["connections"], "packages": {"type": "ssh"}},
        credentials={**stack()["credentials"], "packages": {"privateKey": KEY}},
    )
    view = _view(config)
    assert view.problems == {}
    assert view.access.ssh_arguments == ()
    assert "Host astro-dbt-packages" in view.access.files["config/ssh_config"]


AZURE = "https://dev.azure.com/acme/data/_git/dbt"


AZURE_SSH = "git@ssh.dev.azure.com:v3/acme/data/dbt"


CODECOMMIT = "ssh://APKAEXAMPLE@git-codecommit.eu-west-1.amazonaws.com/v1/repos/dbt"


def _session(repo: str, kind: str, **changes: object) -> Session:
    """Git as the agents have it, for a project in ``repo`` that a separate connection opens."""
    credential = {"privateKey": KEY} if kind == "ssh" else {"password": "canary-dbt"}
    project = {"name": "jaffle", "path": "dags/dbt/jaffle", "repo": repo, "connection": "dbt", **changes}
    settings = settings_of(
        stack(
            dags={"repo": "https://git.example.com/platform/dags.git"},
            connections={"dbt": {"type": kind}},
            credentials={"dbt": credential},
            dbtProjects=[project],
        )
    )
    view = agents_access(settings, delivery.plan(settings, authorities={}), settings.git_bundles[0])
    return Session(view.access, timeout=20)


@pytest.mark.parametrize(
    ("repo", "written", "meant"),
    [
        (AZURE_SSH, AZURE, "git@astro-dbt-dbt:v3/acme/data/dbt"),
        (AZURE_SSH, "https://acme@dev.azure.com/acme/data/_git/dbt", "git@astro-dbt-dbt:v3/acme/data/dbt"),
        (AZURE_SSH, "https://acme.visualstudio.com/data/_git/dbt", "git@astro-dbt-dbt:v3/acme/data/dbt"),
        (
            "ssh://git@bb.corp:7999/dp/dbt.git",
            "https://bb.corp/scm/dp/dbt.git",
            "git@astro-dbt-dbt:/dp/dbt.git",
        ),
        (CODECOMMIT, CODECOMMIT.replace("APKAEXAMPLE@", ""), "APKAEXAMPLE@astro-dbt-dbt:/v1/repos/dbt"),
        (CODECOMMIT, CODECOMMIT, "APKAEXAMPLE@astro-dbt-dbt:/v1/repos/dbt"),
        ("git@git.corp:a/dbt.git", "ssh://git@git.corp/a/dbt.git", "git@astro-dbt-dbt:a/dbt.git"),
        ("git@git.corp:a/dbt.git", "ssh://git@git.corp:22/a/dbt.git", "git@astro-dbt-dbt:a/dbt.git"),
        (
            AZURE_SSH,
            "https://acme.visualstudio.com/DefaultCollection/data/_git/dbt",
            "git@astro-dbt-dbt:v3/acme/data/dbt",
        ),
        ("git@git.corp:/srv/dbt.git", "ssh://git@git.corp/srv/dbt.git", "git@astro-dbt-dbt:/srv/dbt.git"),
        ("git@Git.corp:a/dbt.git", "git@Git.corp:a/dbt.git", "git@astro-dbt-dbt:a/dbt.git"),
        ("git@github.com:a/dbt", "git@github.com:a/dbt.git", "git@astro-dbt-dbt:a/dbt"),
        ("git@github.com:a/dbt.git", "ssh://git@ssh.github.com:443/a/dbt.git", "git@astro-dbt-dbt:a/dbt.git"),
        (
            "git@github.com:a/dbt.git",
            "https://github.com/a/dbt-macros.git",
            "https://github.com/a/dbt-macros.git",
        ),
    ],
)
def test_git_sends_every_spelling_to_the_key_of_its_repository(repo: str, written: str, meant: str) -> None:
    with _session(repo, "ssh") as session:
        assert session.git("ls-remote", "--get-url", written).stdout.decode().strip() == meant


@pytest.mark.parametrize(
    ("repo", "written"),
    [
        (AZURE, AZURE),
        (AZURE, "https://acme@dev.azure.com/acme/data/_git/dbt"),
        (AZURE, AZURE_SSH),
        (AZURE, "https://acme.visualstudio.com/DefaultCollection/data/_git/dbt"),
        ("https://github.com/a/b", "ssh://git@github.com:22/a/b.git"),
        ("https://bb.corp/scm/dp/dbt.git", "ssh://git@bb.corp:7999/dp/dbt.git"),
        ("https://h.example:8443/a/b.git", "https://me@H.example:8443/a/b"),
    ],
)
def test_git_sends_the_header_to_every_spelling(repo: str, written: str) -> None:
    with _session(repo, "https") as session:
        url = session.git("ls-remote", "--get-url", written).stdout.decode().strip()
        found = session.git("config", "--get-urlmatch", "http.extraHeader", url).stdout.decode()
    assert found.startswith("Authorization: Basic ")


def test_a_project_names_a_spelling_that_no_pattern_knows() -> None:
    with _session("git@git.corp:a/dbt.git", "ssh", spellings=["https://mirror.corp/x/dbt.git"]) as session:
        url = session.git("ls-remote", "--get-url", "https://mirror.corp/x/dbt.git").stdout.decode().strip()
    assert url == "git@astro-dbt-dbt:a/dbt.git"
