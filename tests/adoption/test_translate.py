"""From values to a stack that gives the agents what they have."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from adoption.hand_made import HandMade
from adoption.translate import Given, translate
from tests.adoption.samples import (
    BUNDLE,
    CANARY,
    IDS,
    chart,
    chart_address,
    full,
    sent,
    short,
    translated,
)
from tests.support.helm_chart import Chart


@pytest.fixture
def pods(helm_program: Path, tmp_path: Path):
    """Function from values to the Pod templates that Helm renders."""

    def rendered(values: dict[str, Any], generation: int) -> dict[str, Any]:
        found = Chart(helm_program, generation, tmp_path).render(defaults=True, **values)
        return {item["metadata"]["name"]: item["spec"] for item in found.deployments()}

    return rendered


def rich(generation: int) -> dict[str, Any]:
    """Values with most of what people set."""
    values = full(generation)
    values["commonEnv"] = [
        {"name": "TZ", "value": "UTC"},
        *values["commonEnv"],
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "AIRFLOW__SECRETS__BACKEND_KWARGS", "value": '{"region":"eu"}'},
        {"name": "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH", "value": "s3://a@b/c"},
    ]
    values["secretBackend"] = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
    values["labels"] = {"team": "data"}
    values["serviceAccount"]["annotations"] = {"eks.amazonaws.com/role-arn": "arn"}
    values["workers"][0] |= {
        "replicas": 3,
        "resources": {"requests": {"cpu": "2", "memory": "4Gi"}},
        "volumes": [{"name": "task-logs", "emptyDir": {}}],
        "volumeMounts": [{"name": "task-logs", "mountPath": "/usr/local/airflow/logs"}],
        "env": [{"name": "Z", "value": "1"}, {"name": "A", "value": "2"}],
        "nodeSelector": {"pool": "dbt"},
    }
    values["workers"].append(
        {
            "name": "big",
            "queues": "big,bigger",
            "hpa": {
                "enabled": True,
                "minReplicaCount": 1,
                "maxReplicaCount": 4,
                "metric": {"target": {"type": "Value"}},
            },
            "terminationGracePeriodSeconds": 1200,
            "image": values["workers"][0]["image"],
            "resources": {"limits": {"nvidia.com/gpu": 1}},
            "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        }
    )
    values["triggerer"] |= {"replicas": 2, "asyncSlots": 500}
    if generation == 2:
        values["workers"][0]["tolerations"] = [{"key": "dbt", "operator": "Exists"}]
        values["openLineage"] = {"enabled": True, "apiKeySecret": "lineage", "namespace": "n-n-1"}
    return values


@pytest.mark.parametrize("generation", [1, 2])
@pytest.mark.parametrize("make", [full, short, rich])
def test_the_chart_renders_the_same_pods(pods, make, generation: int) -> None:
    values = make(generation)
    draft, changes = translated(values, generation)
    assert changes == ()
    assert pods(sent(draft), generation) == pods(values, generation)


def test_defaults_of_the_chart_are_not_written() -> None:
    draft, _ = translated(full())
    assert "serviceAccount" not in draft.agent.get("values", {})
    assert "dagProcessor" not in draft.agent
    assert draft.agent["workers"][0].keys() == {"name", "queues", "values"}


def test_git_connection_is_recognised_with_its_secret() -> None:
    draft, _ = translated(short())
    assert draft.config["connections"] == {
        "git_default": {
            "type": "https",
            "existingSecret": "git-credentials",
            "connectionKey": "airflow-connection",
        }
    }
    assert draft.config["dags"]["connection"] == "git_default"
    assert draft.config["dags"]["subdir"] == "dags"


def test_what_the_program_adds_is_withheld_with_its_reason() -> None:
    draft, _ = translated(short())
    held = draft.agent["withheld"]
    assert "Dags find the dbt projects" in held["commonEnv.ASTRO_DBT_PROJECTS"]
    assert "sentinelAuthSecretName" in held
    assert all(len(reason) > 10 for reason in held.values())


def clear() -> dict[str, Any]:
    """Values with a credential in every place that takes one in plain text."""
    values = short()
    del values["imagePullSecretName"], values["agentTokenSecretName"]
    auth = base64.b64encode(f"cli:{CANARY}-base".encode()).decode()
    logins = {
        "images.astronomer.cloud": {"auth": auth},
        "r.example.com": {"username": "u", "password": f"{CANARY}-pull"},
    }
    connection = {
        "conn_type": "git",
        "host": "https://git.example.com/p/d.git",
        "login": "bot",
        "password": f"{CANARY}-git",
    }
    values |= {
        "agentToken": f"{CANARY}-token",
        "sentinelAuthSecret": f"{CANARY}-sentinel",
        "imagePullSecretData": json.dumps({"auths": logins}),
        "openLineage": {"enabled": True, "apiKey": f"{CANARY}-lineage"},
        "secretBackend": "airflow.providers.hashicorp.secrets.vault.VaultBackend",
        "commonEnv": [
            *IDS,
            {"name": "AIRFLOW_CONN_GIT_DEFAULT", "value": json.dumps(connection)},
            {"name": "WAREHOUSE_PASSWORD", "value": f"{CANARY}-warehouse"},
            {"name": "AIRFLOW_CONN_SNOWFLAKE", "value": f"snowflake://u:{CANARY}-snow@h/"},
            {
                "name": "AIRFLOW__SECRETS__BACKEND_KWARGS",
                "value": json.dumps({"secret_id": f"{CANARY}-vault"}),
            },
        ],
    }
    return values


def test_credentials_in_plain_text_move_without_being_shown() -> None:
    draft, changes = translated(clear())
    assert CANARY not in json.dumps(draft.config) + repr(changes) + repr(draft)
    assert {item.key for item in draft.clear if item.key} == {
        "agentToken", "sentinelAuth", "baseRegistryPassword", "pullRegistryPassword", "openLineageApiKey",
        "credentials.git_default.password",
    }  # fmt: skip
    assert {(item.secret, item.entry) for item in draft.clear if item.secret} == {
        ("astro-agent-warehouse-password", "value"),
        ("astro-agent-airflow-conn-snowflake", "value"),
        ("astro-agent-secrets-backend", "kwargs"),
    }
    moved = {change.path for change in changes}
    assert {
        "agentToken",
        "agentTokenSecretName",
        "imagePullSecretData",
        "commonEnv.ASTRO_DBT_SECRETS",
    } <= moved
    assert draft.config["dags"]["repo"] == "https://git.example.com/platform/dags.git"
    assert draft.config["connections"]["git_default"] == {"type": "https", "login": "bot"}


def test_a_namespace_of_the_release_stays_with_it() -> None:
    """Helm deletes what is no longer in the manifest, and with a namespace everything in it."""
    draft, changes = translated(short() | {"createNamespace": True})
    assert changes == ()
    assert sent(draft)["createNamespace"] is True
    assert "would delete it" in draft.agent["withheld"]["createNamespace"]


@pytest.mark.parametrize(("records", "expected"), [("default", "default"), ("agents", None), (None, None)])
def test_records_of_helm_stay_where_they_are(records: str | None, expected: str | None) -> None:
    """The vendor's page installs without --namespace."""
    made = HandMade(short(), "values.yaml", namespace=records)
    draft = translate(made, Given(chart=chart_address()), chart(2))
    assert draft.agent["namespace"] == "agents"
    assert draft.agent.get("releaseNamespace") == expected


def test_further_bundles_and_the_spelling_stay() -> None:
    more = [*json.loads(BUNDLE), {"name": "more", "classpath": "a.B", "kwargs": {}}]
    text = json.dumps(more, indent=1)
    draft, changes = translated(short() | {"dagBundleConfigList": text})
    assert changes == ()
    assert sent(draft)["dagBundleConfigList"] == text


def test_a_bundle_of_another_kind_is_reported() -> None:
    draft, changes = translated(short() | {"dagBundleConfigList": "[]"})
    assert any("no GitDagBundle" in note for note in draft.notes)
    assert "dagBundleConfigList" in {change.path for change in changes}


@pytest.mark.parametrize("text", ['[{"name": ', "dags", [{"name": "dags"}]])
def test_bundles_that_are_not_json_are_reported(text: Any) -> None:
    draft, _ = translated(short() | {"dagBundleConfigList": text})
    assert any("is not the JSON of a list of bundles" in note for note in draft.notes)


def test_unknown_keys_keep_their_values_with_a_reason() -> None:
    draft, changes = translated(short() | {"keda": {"enabled": True}})
    assert changes == ()
    assert draft.agent["values"]["keda"] == {"enabled": True}
    assert draft.agent["unknownValues"].keys() == {"keda"}


def test_an_image_for_all_is_one_setting() -> None:
    draft, _ = translated(full())
    assert draft.agent["image"] == "registry.example.com/data/client:7"
    values = full()
    values["workers"][0]["image"] = "registry.example.com/data/client:8"
    draft, changes = translated(values)
    assert changes == ()
    assert draft.agent["workers"][0]["image"] == "registry.example.com/data/client:8"


def test_missing_ids_are_asked_for() -> None:
    draft, _ = translated(short() | {"commonEnv": []})
    assert sum("agent.ids." in note for note in draft.notes) == 4
