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
