"""What is known of the agents' chart by its version."""

from __future__ import annotations

import pytest

from domain.chart import ChartAddress, SecretNames, chart_release, has_sentinel, with_secret_names

NAMES = SecretNames(image_pull="pull", agent_token="token", sentinel_auth="auth", open_lineage="key")


@pytest.mark.parametrize(
    ("version", "release"),
    [("2.3.3", (2, 3, 3)), ("1.0.2-beta.1", (1, 0, 2)), ("10.20.30+build-7", (10, 20, 30))],
)
def test_releases(version: str, release: tuple[int, int, int]) -> None:
    assert chart_release(version) == release
    assert has_sentinel(version) == (release >= (2, 0, 0))


def test_every_secret_is_named() -> None:
    values = {"openLineage": {"enabled": True}, "other": 1}
    assert with_secret_names(values, NAMES, version="2.0.0") == {
        "openLineage": {"enabled": True, "apiKeySecret": "key"},
        "other": 1,
        "imagePullSecretName": "pull",
        "agentTokenSecretName": "token",
        "sentinelAuthSecretName": "auth",
    }
    assert values == {"openLineage": {"enabled": True}, "other": 1}, (
        "the values that were given stay as they are"
    )


def test_a_chart_without_sentinel_gets_none() -> None:
    assert "sentinelAuthSecretName" not in with_secret_names({}, NAMES, version="1.0.2")


def test_secrets_that_the_environment_injects_are_not_named() -> None:
    names = SecretNames(image_pull="pull", agent_token=None, sentinel_auth=None, open_lineage=None)
    assert with_secret_names({}, names, version="2.0.0") == {"imagePullSecretName": "pull"}


@pytest.mark.parametrize(
    ("repository", "expected"), [("oci://r.example.com/charts", True), ("https://charts.example.com", False)]
)
def test_where_a_chart_is(repository: str, expected: bool) -> None:
    assert ChartAddress(repository=repository, name="c", version="1.0.0").in_registry is expected
