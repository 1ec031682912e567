"""Hosted registries."""

from __future__ import annotations

import doctest

import pytest

from domain import registries
from domain.registries import creation, lifetime

ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


def test_how_a_repository_is_created():
    assert creation(ECR, "data/client") == (
        "create it with `aws ecr create-repository --repository-name data/client --region eu-central-1`"
    )
    assert creation("harbor.example.com", "data/client") == "create it in the registry"
    assert creation("europe-west3-docker.pkg.dev", "project-only") == "create it in the registry"


@pytest.mark.parametrize(
    ("server", "username", "password", "expected"),
    [
        (ECR, "AWS", "x", "12 hours"),
        (ECR, "robot", "x", None),
        ("acme.azurecr.io", "00000000-0000-0000-0000-000000000000", "x", "3 hours"),
        ("acme.azurecr.io", "robot", "x", None),
        ("gcr.io", "oauth2accesstoken", "x", "1 hour"),
        ("registry.gitlab.com", "gitlab-ci-token", "x", "the length of one CI job"),
        ("ghcr.io", "me", "ghs_abc", "the length of one CI job"),
        ("ghcr.io", "me", "ghp_abc", None),
    ],
)
def test_which_logins_expire(server, username, password, expected):
    assert lifetime(server, username, password) == expected


def test_examples():
    assert doctest.testmod(registries).failed == 0


@pytest.mark.parametrize(
    ("server", "repository", "command"),
    [
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "data/client",
            "aws ecr create-repository --repository-name data/client --region eu-west-1",
        ),
        (
            "123456789012.dkr-ecr.us-east-1.on.aws",
            "x",
            "aws ecr create-repository --repository-name x --region us-east-1",
        ),
        (
            "europe-west3-docker.pkg.dev",
            "acme/data/client",
            "gcloud artifacts repositories create data --repository-format=docker --location=europe-west3 --project=acme",
        ),
    ],
)
def test_name_unknown_says_how_to_create_the_repository(server: str, repository: str, command: str) -> None:
    assert creation(server, repository) == f"create it with `{command}`"


@pytest.mark.parametrize(
    ("server", "username", "password", "ends"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "AWS", "x", "12 hours"),
        ("acme.azurecr.io", "00000000-0000-0000-0000-000000000000", "x", "3 hours"),
        ("acme-abc123.westeurope.azurecr.io", "00000000-0000-0000-0000-000000000000", "x", "3 hours"),
        ("europe-west3-docker.pkg.dev", "oauth2accesstoken", "x", "1 hour"),
        ("123456789012.DKR.ECR.eu-west-1.amazonaws.com:443", "AWS", "x", "12 hours"),
        ("public.ecr.aws", "AWS", "x", "12 hours"),
        ("de.icr.io", "iambearer", "x", "1 hour"),
        ("cr.yandex", "iam", "x", "12 hours"),
        ("registry.example.com", "iam", "x", None),
        ("ghcr.io", "me", "ghs_x", "the length of one CI job"),
        ("ghcr.io", "me", "ghp_x", None),
        ("acme.azurecr.io", "robot", "x", None),
        ("registry.example.com", "AWS", "x", None),
        ("europe-west3-docker.pkg.dev", "_json_key", "{}", None),
    ],
)
def test_how_long_registry_passwords_last(
    server: str, username: str, password: str, ends: str | None
) -> None:
    assert lifetime(server, username, password) == ends
