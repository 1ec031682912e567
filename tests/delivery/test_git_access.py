"""How Git on the agents opens repositories."""

from __future__ import annotations

import base64
import json

import pytest

from delivery.git_access import git_access, opened_by, ssh_options
from delivery.plan import SecretKey
from domain.connection_secret import airflow_connection, http_header
from tests.support.stacks import SSH_KEY, settings_of, stack

PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"


def git_config(access):
    """Git's configuration as its environment spells it: list of (key, value)."""
    env = {item.name: item.value for item in access.environment}
    count = int(env["GIT_CONFIG_COUNT"])
    numbered = [(env[f"GIT_CONFIG_KEY_{i}"], env[f"GIT_CONFIG_VALUE_{i}"]) for i in range(count)]
    assert f"GIT_CONFIG_KEY_{count}" not in env
    return numbered


def ssh_stack(**changes):
    config = stack(
        dags={"repo": "git@git.example.com:platform/dags.git", "connection": "git"},
        connections={
            "git": {"type": "ssh"},
            "dbt": {"type": "ssh", "knownHosts": "git.example.com ssh-ed25519 AAAA"},
        },
        credentials={"git": {"privateKey": SSH_KEY}, "dbt": {"privateKey": SSH_KEY}},
        dbtProjects=[
            {
                "name": "jaffle",
                "path": "dags/dbt/jaffle",
                "repo": "ssh://git@git.example.com:2222/a/jaffle.git",
                "connection": "dbt",
            }
        ],
    )
    config.update(changes)
    return config


@pytest.mark.parametrize(
    ("known_hosts", "checking"),
    [(None, "accept-new"), ("git.example.com ssh-ed25519 AAAA", "yes")],
)
def test_https_connection_leads_submodules_to_their_keys(known_hosts, checking):
    """The provider's GIT_SSH_COMMAND beats core.sshCommand, so the Dag repository's connection must name the file."""
    key = {"type": "ssh", "knownHosts": known_hosts} if known_hosts else {"type": "ssh"}
    settings = settings_of(
        ssh_stack(
            dags={"repo": "https://git.example.com/platform/dags.git", "connection": "git"},
            connections={"git": {"type": "https", "anonymous": True}, "dbt": key},
            credentials={"dbt": {"privateKey": SSH_KEY}},
        )
    )
    wanted = {"ssh_config_file": "/etc/astro-dbt/git/config/ssh_config", "strict_host_key_checking": checking}
    assert ssh_options(settings) == wanted
    env = {item.name: item.value for item in git_access(settings, authorities={}).environment}
    assert json.loads(str(env["AIRFLOW_CONN_GIT"]))["extra"] == wanted


def test_host_keys_are_checked_as_the_least_known_host_allows():
    """An option of the ssh command would beat `accept-new` of the other host."""
    assert ssh_options(settings_of(ssh_stack()))["strict_host_key_checking"] == "accept-new"


def test_no_ssh_options_without_ssh():
    assert ssh_options(settings_of()) == {}


def test_airflow_connection_and_header():
    value = json.loads(airflow_connection("https://h/x.git", login="u", password='p"@/:%#'))
    assert value == {"conn_type": "git", "host": "https://h/x.git", "login": "u", "password": 'p"@/:%#'}
    scheme, _, code = http_header("u", "p:@").removeprefix("Authorization: ").partition(" ")
    assert (scheme, base64.b64decode(code)) == ("Basic", b"u:p:@")


def test_https_submodule_gets_a_header_scoped_to_its_path():
    access = git_access(settings_of(), authorities={})
    config = git_config(access)
    header = SecretKey("astro-agent-git-git", "http-header")
    assert ("http.https://git.example.com/analytics/jaffle.git.extraHeader", header) in config
    assert ("http.https://git.example.com/analytics/jaffle.extraHeader", header) in config
    assert ("fetch.recurseSubmodules", "false") in config
    assert not any(key == "http.https://git.example.com/.extraHeader" for key, _ in config)
    assert not any("platform/dags" in key for key, _ in config)


def test_submodule_registered_over_ssh_is_fetched_over_https():
    config = git_config(git_access(settings_of(), authorities={}))
    target = "url.https://git.example.com/analytics/jaffle.git.insteadOf"
    assert (target, "git@git.example.com:analytics/jaffle.git") in config
    assert (target, "ssh://git@git.example.com/analytics/jaffle.git") in config


def test_no_secret_in_anything_but_references():
    access = git_access(settings_of(), authorities={})
    assert "canary" not in repr(access)


def test_dag_repository_alone():
    access = git_access(settings_of(stack(delivery="agent-image")), authorities={})
    assert git_config(access) == [("fetch.recurseSubmodules", "false")]
    assert access.connections == {"git"}
    env = {item.name: item.value for item in access.environment}
    assert env["AIRFLOW_CONN_GIT"] == SecretKey("astro-agent-git-git", "connection")


def test_public_dag_repository_needs_no_secret():
    config = stack(
        dags={"repo": "https://git.example.com/p/d.git"},
        connections=None,
        credentials=None,
        dbtProjects=[{"name": "a", "path": "p"}],
    )
    access = git_access(settings_of(config), authorities={})
    env = {item.name: item.value for item in access.environment}
    assert json.loads(str(env["AIRFLOW_CONN_DAGS"])) == {
        "conn_type": "git",
        "host": "https://git.example.com/p/d.git",
    }
    assert access.connections == frozenset()


def test_certificate_authority_is_scoped_to_its_host():
    access = git_access(settings_of(), authorities={"git": PEM})
    assert ("http.https://git.example.com/.sslCAInfo", "/etc/astro-dbt/git/config/ca-git.crt") in git_config(
        access
    )
    assert access.config_files == {"ca-git.crt": PEM}
    assert [mount.config_map for mount in access.mounts] == ["astro-agent-git"]


def test_two_deploy_keys_get_an_alias_each():
    access = git_access(settings_of(ssh_stack()), authorities={})
    text = access.config_files["ssh_config"]
    assert "Host astro-dbt-dbt\n  HostName git.example.com\n  Port 2222\n" in text
    assert "IdentityFile /etc/astro-dbt/git/git/ssh-privatekey" in text
    assert text.count("IdentitiesOnly yes") == 2
    config = git_config(access)
    assert ("core.sshCommand", "ssh -F /etc/astro-dbt/git/config/ssh_config") in config
    target = "url.git@astro-dbt-dbt:/a/jaffle.git.insteadOf"
    assert (target, "ssh://git@git.example.com:2222/a/jaffle.git") in config
    assert (target, "https://git.example.com/a/jaffle.git") in config
    env = {item.name: item.value for item in access.environment}
    connection = json.loads(str(env["AIRFLOW_CONN_GIT"]))
    assert connection["host"] == "git@astro-dbt-git:platform/dags.git"
    assert connection["extra"]["strict_host_key_checking"] == "accept-new"
    assert "private_key" not in connection["extra"]
    assert {mount.secret for mount in access.mounts} == {"astro-agent-git-git", "astro-agent-git-dbt", None}


def test_existing_secret_is_named():
    config = stack(connections={"git": {"type": "https", "existingSecret": "mine"}}, credentials=None)
    access = git_access(settings_of(config), authorities={})
    names = {item.value.secret for item in access.environment if isinstance(item.value, SecretKey)}
    assert names == {"mine"}


def test_backend_connection_makes_no_variable():
    config = stack(connections={"git": {"type": "https", "backend": True}}, credentials=None)
    access = git_access(settings_of(config), authorities={})
    assert not [item for item in access.environment if item.name.startswith("AIRFLOW_CONN")]
    assert not [item for item in access.environment if isinstance(item.value, SecretKey)]


def test_nested_submodule_with_a_separate_token():
    config = stack(
        dags={
            "repo": "https://git.example.com/platform/dags.git",
            "connection": "git",
            "submodules": [{"repo": "https://other.example.com/macros.git", "connection": "macros"}],
        },
        connections={"git": {"type": "https"}, "macros": {"type": "https"}},
        credentials={"git": {"password": "canary-a"}, "macros": {"password": "canary-b"}},
    )
    entries = git_config(git_access(settings_of(config), authorities={}))
    header = SecretKey("astro-agent-git-macros", "http-header")
    assert ("http.https://other.example.com/macros.git.extraHeader", header) in entries


def test_two_spellings_of_one_repository_send_one_header():
    url = "https://git.example.com/analytics/jaffle"
    projects = [
        {"name": "a", "path": "dags/dbt/mono/a", "repo": f"{url}.git", "connection": "git"},
        {"name": "b", "path": "dags/dbt/mono/b", "repo": url, "connection": "git"},
    ]
    config = git_config(git_access(settings_of(stack(dbtProjects=projects)), authorities={}))
    headers = [key for key, _ in config if key.endswith(".extraHeader")]
    assert sorted(headers) == [f"http.{url}.extraHeader", f"http.{url}.git.extraHeader"]


@pytest.mark.parametrize(
    ("delivery", "headers"),
    [("git-submodule", ["https://git.example.com/analytics/macros"] * 2), ("agent-image", [])],
)
def test_agents_open_private_packages_only_where_they_install_them(delivery, headers):
    settings = settings_of(
        stack(
            delivery=delivery,
            dbtProjects=[{"name": "jaffle", "path": "dags/dbt/jaffle", "source": "examples/dbt-project"}],
            dbtPackages=[{"repo": "https://git.example.com/analytics/macros.git", "connection": "git"}],
        )
    )
    found = git_config(git_access(settings, authorities={}))
    opened = [key for key, value in found if key.endswith(".extraHeader")]
    assert [
        key.removeprefix("http.").removesuffix(".extraHeader").removesuffix(".git") for key in opened
    ] == headers


def test_package_with_a_deploy_key_has_its_alias():
    package = {"repo": "git@git.example.com:analytics/macros.git", "connection": "dbt"}
    config = ssh_stack(
        dbtProjects=[{"name": "jaffle", "path": "dags/dbt/jaffle"}],
        dbtPackages=[package],
        dags={"repo": "https://git.example.com/platform/dags.git", "connection": "git"},
        connections={"git": {"type": "https", "anonymous": True}, "dbt": {"type": "ssh"}},
        credentials={"dbt": {"privateKey": SSH_KEY}},
    )
    access = git_access(settings_of(config), authorities={})
    assert (
        "url.git@astro-dbt-dbt:analytics/macros.git.insteadOf",
        "git@git.example.com:analytics/macros.git",
    ) in git_config(access)
    assert "Host astro-dbt-dbt" in access.config_files["ssh_config"]
    assert "dbt" in access.connections


def test_repository_is_opened_by_what_the_stack_names_for_it():
    package = {"repo": "https://git.example.com/analytics/macros.git", "connection": "git"}
    settings = settings_of(stack(dbtPackages=[package]))
    for url in ("https://git.example.com/analytics/macros", "git@git.example.com:analytics/macros.git"):
        assert opened_by(settings, url) == (package["repo"], "git")
    assert opened_by(settings, "https://git.example.com/analytics/macros-2.git") is None
