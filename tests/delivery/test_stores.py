"""Packages that the stores of a stack need."""

from __future__ import annotations

from typing import Any

import pytest

from delivery.stores import NeededPackage, needed_packages, provider_of_class, provider_of_path
from tests.support.stacks import settings_of, with_agent

AMAZON, COMMON_IO = "apache-airflow-providers-amazon", "apache-airflow-providers-common-io"


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ({}, []),
        ({"secretsBackend": {"class": "a.b.C"}}, []),
        (
            {
                "secretsBackend": {
                    "class": "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
                }
            },
            [NeededPackage("agent.secretsBackend", AMAZON)],
        ),
        (
            {"xcom": {"path": "s3://aws_default@bucket/xcom"}},
            [NeededPackage("agent.xcom", COMMON_IO), NeededPackage("agent.xcom", AMAZON)],
        ),
        (
            {"stateStore": {"path": "abfss://conn@bucket/state"}},
            [
                NeededPackage("agent.stateStore", COMMON_IO, (1, 8, 0)),
                NeededPackage("agent.stateStore", "apache-airflow-providers-microsoft-azure"),
            ],
        ),
        ({"xcom": {"path": "file:///mnt/xcom", "backend": "a.b.C"}}, []),
    ],
)
def test_packages_follow_from_class_and_path(agent: dict[str, Any], expected: list[NeededPackage]) -> None:
    assert list(needed_packages(settings_of(with_agent(**agent)).agent)) == expected


def test_providers_with_names_of_two_parts() -> None:
    assert provider_of_class("airflow.providers.microsoft.azure.secrets.key_vault.AzureKeyVaultBackend") == (
        "apache-airflow-providers-microsoft-azure"
    )
    assert provider_of_class("airflow.secrets.local_filesystem.LocalFilesystemBackend") is None
    assert provider_of_path("gs://bucket/x") == "apache-airflow-providers-google"
    assert provider_of_path("memory://x") is None
