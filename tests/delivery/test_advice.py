"""Sentences about what could be better."""

from __future__ import annotations

import pytest

from delivery.advice import advice
from tests.support.stacks import SSH_KEY, settings_of, stack


def with_packages(*packages, **changes):
    config = stack(**changes)
    config["image"] = {**config["image"], "packages": list(packages)}
    return settings_of(config)


@pytest.mark.parametrize(
    "pin",
    ["apache-airflow-providers-git==0.5.0", "Apache_Airflow_Providers_Git[github] == 0.10"],
)
def test_old_provider_leaks_a_token(pin):
    (found,) = advice(with_packages("astronomer-cosmos==1.15.1", pin))
    assert found.startswith("image.packages pins apache-airflow-providers-git 0.")
    assert "connections.git on the agents' disks" in found
    assert found.endswith("pin 1.0.0 or later")


@pytest.mark.parametrize(
    "packages",
    [
        ("apache-airflow-providers-git==1.0.0",),
        ("apache-airflow-providers-git==1.10",),
        ("apache-airflow-providers-github==0.1.0",),
        ("apache-airflow-providers-git",),
        (),
    ],
)
def test_nothing_to_say(packages):
    assert advice(with_packages(*packages)) == ()


def test_nothing_leaks_without_a_token():
    settings = with_packages(
        "apache-airflow-providers-git==0.5.0",
        connections={"git": {"type": "https", "anonymous": True}},
        credentials={},
    )
    assert advice(settings) == ()


def by_ssh(**connection):
    return {
        "connections": {"git": connection, "dbt": {"type": "ssh"}},
        "credentials": {"dbt": {"privateKey": SSH_KEY}},
        "dbtProjects": [
            {
                "name": "jaffle",
                "path": "dags/dbt/jaffle",
                "repo": "git@git.example.com:a/jaffle.git",
                "connection": "dbt",
            }
        ],
    }


def test_provider_that_opens_no_submodule_over_ssh():
    found = advice(
        with_packages("apache-airflow-providers-git==0.4.1", **by_ssh(type="https", anonymous=True))
    )
    assert found == (
        "image.packages pins apache-airflow-providers-git 0.4.1, which does not fetch submodules over SSH; pin 1.0.0 or later",
    )


def test_provider_that_knows_no_submodules():
    found = advice(with_packages("apache-airflow-providers-git==0.1.0"))
    assert "does not fetch submodules" in found[0]


@pytest.mark.parametrize(
    ("place", "found"),
    [({"existingSecret": "theirs"}, "the Secret theirs"), ({"backend": True}, "your secrets backend")],
)
def test_connection_elsewhere_must_name_the_ssh_configuration(place, found):
    (sentence,) = advice(settings_of(stack(**by_ssh(type="https", **place))))
    assert sentence.startswith(f"connections.git is in {found}, and a submodule is fetched over SSH")
    assert '"ssh_config_file": "/etc/astro-dbt/git/config/ssh_config"' in sentence


PLAIN = {"name": "jaffle", "path": "dags/dbt/jaffle"}


@pytest.mark.parametrize(
    ("host", "place", "warned"),
    [
        ("github.com", {}, False),
        ("github.example.com", {}, True),
        ("github.example.com", {"existingSecret": "theirs"}, True),
    ],
)
def test_a_github_app_serves_the_public_host_alone(host, place, warned):
    app = {"type": "github-app", "appId": 1, "installationId": 2, **place}
    dags = {"repo": f"https://{host}/platform/dags.git", "connection": "app"}
    credentials = None if place else {"app": {"privateKey": SSH_KEY}}
    config = stack(dags=dags, dbtProjects=[PLAIN], connections={"app": app}, credentials=credentials)
    found = advice(settings_of(config))
    assert [sentence.startswith(f"connections.app is a GitHub App on {host}") for sentence in found] == [
        True
    ] * warned
