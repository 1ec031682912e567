"""Values for charts of both generations."""

from __future__ import annotations

import json

import delivery
from delivery.chart_values import chart_values
from domain.merge import empties
from settings.chart_keys import too_new_paths, unknown_paths
from tests.support.stacks import settings_of, stack, with_agent


def values_of(config, image=None):
    settings = settings_of(config)
    return chart_values(settings, delivery.plan(settings, authorities={}), image=image)


def env_of(values):
    return {item["name"]: item.get("value", item.get("valueFrom")) for item in values["commonEnv"]}


def test_bundle_list_is_text_that_holds_a_json_list():
    values = values_of(stack())
    assert isinstance(values["dagBundleConfigList"], str)
    assert isinstance(json.loads(values["dagBundleConfigList"]), list)


def test_no_secret_in_values():
    for option in delivery.OPTIONS:
        assert "canary" not in json.dumps(values_of(stack(delivery=option)))


def test_credentials_come_from_secrets():
    env = env_of(values_of(stack()))
    assert env["AIRFLOW_CONN_GIT"] == {"secretKeyRef": {"name": "astro-agent-git-git", "key": "connection"}}


def test_second_generation():
    values = values_of(stack(), image="r/x@sha256:1")
    assert values["image"] == "r/x@sha256:1"
    assert "image" not in values["workers"][0]
    assert values["sentinel"]["enabled"] is True
    assert values["workers"][0]["hpa"]["metric"]["target"] == {"type": "Value", "value": 20}


def test_first_generation():
    config = with_agent(
        chart={"version": "1.0.2"}, workers=[{"name": "w", "autoscaling": {"maxReplicas": 3}}]
    )
    values = values_of(config, image="r/x@sha256:1")
    assert "image" not in values
    assert [values["workers"][0]["image"], values["dagProcessor"]["image"], values["triggerer"]["image"]] == [
        "r/x@sha256:1"
    ] * 3
    assert "sentinel" not in values
    assert values["workers"][0]["hpa"]["metric"]["target"] == {"type": "Value", "Value": 20}
    assert "canUseKubernetesPodOperator" not in values["workers"][0]


def test_every_value_is_known_to_its_chart():
    for version in ("1.0.2", "2.0.0", "2.3.3"):
        workers = [{"name": "w", "queues": ["a", "b"]}]
        config = with_agent(chart={"version": version}, workers=workers, podSecurity="restricted")
        values = values_of(config, image="i")
        assert list(unknown_paths(values)) == []
        major, minor, patch = (int(part) for part in version.split("."))
        assert list(too_new_paths(values, (major, minor, patch))) == []


def test_queues_are_one_text():
    assert (
        values_of(with_agent(workers=[{"name": "w", "queues": ["a", "b"]}]))["workers"][0]["queues"] == "a,b"
    )


def test_restricted_namespace_takes_the_sentinel():
    """Its Pod has a separate security context, which the chart does not complete."""
    values = values_of(with_agent(podSecurity="restricted"))
    for component in (values["sentinel"], values["dagProcessor"], values["workers"][0]):
        assert component["containerSecurityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_restricted_namespace_gets_writable_folders():
    values = values_of(with_agent(podSecurity="restricted"))
    for component in (values["workers"][0], values["dagProcessor"], values["triggerer"], values["sentinel"]):
        assert component["containerSecurityContext"]["readOnlyRootFilesystem"] is True
        paths = {mount["mountPath"] for mount in component["volumeMounts"]}
        assert {"/tmp", "/usr/local/airflow/logs"} <= paths
    assert values["podSecurityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert env_of(values)["AIRFLOW__COSMOS__CACHE_DIR"] == "/tmp/cosmos"


def test_backends():
    agent = {
        "secretsBackend": {"class": "a.b.C", "kwargs": {"region_name": "x"}},
        "xcom": {"path": "s3://conn@bucket/xcom"},
        "stateStore": {"path": "s3://conn@bucket/state", "threshold": 0},
    }
    values = values_of(with_agent(**agent))
    assert values["secretBackend"] == "a.b.C"
    assert (
        values["stateStoreBackend"]
        == "airflow.providers.common.io.state_store.backend.StateStoreObjectStorageBackend"
    )
    env = env_of(values)
    assert env["AIRFLOW__COMMON_IO__STATE_STORE_OBJECTSTORAGE_PATH"] == "s3://conn@bucket/state"
    assert env["AIRFLOW__COMMON_IO__STATE_STORE_OBJECTSTORAGE_THRESHOLD"] == "0"
    assert "AIRFLOW__COMMON_IO__STATE_STORE_OBJECTSTORAGE_COMPRESSION" not in env
    assert json.loads(env["AIRFLOW__SECRETS__BACKEND_KWARGS"]) == {"region_name": "x"}
    assert env["AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD"] == "0"


def test_extra_values_are_merged_and_lists_joined():
    config = with_agent(
        values={
            "commonEnv": [{"name": "EXTRA", "value": "1"}],
            "labels": {"team": "data"},
            "dagProcessor": {"livenessProbe": {"periodSeconds": 10}},
        },
        workers=[
            {
                "name": "w",
                "values": {"initContainers": [{"name": "wait"}], "podSecurityContext": {"fsGroup": 1}},
            }
        ],
    )
    values = values_of(config)
    assert env_of(values)["EXTRA"] == "1"
    assert env_of(values)["ASTRO_WORKSPACE_ID"] == "w"
    assert values["labels"] == {"team": "data"}
    assert values["dagProcessor"]["livenessProbe"] == {"periodSeconds": 10}
    assert values["workers"][0]["initContainers"] == [{"name": "wait"}]


def test_a_component_beats_the_common_values():
    config = with_agent(
        values={
            "dagProcessor": {"livenessProbe": {"periodSeconds": 10}, "podSecurityContext": {"fsGroup": 2}}
        },
        dagProcessor={"values": {"podSecurityContext": {"fsGroup": 1}}},
    )
    found = values_of(config)["dagProcessor"]
    assert found["podSecurityContext"] == {"fsGroup": 1}
    assert found["livenessProbe"] == {"periodSeconds": 10}


def test_a_probe_of_the_user_replaces_ours():
    probe = {"exec": {"command": ["true"]}}
    values = values_of(with_agent(workers=[{"name": "w", "values": {"livenessProbe": probe}}]))
    assert values["workers"][0]["livenessProbe"] == probe


def test_requests_above_our_limits_drop_our_limits():
    workers = [{"name": "w", "resources": {"requests": {"cpu": "4"}}}]
    assert values_of(with_agent(workers=workers))["workers"][0]["resources"] == {"requests": {"cpu": "4"}}


def test_nothing_empty_is_sent():
    """Pulumi's plugin before 4.30 leaves nulls and empty lists out, later ones send them: so none is in the values."""
    config = with_agent(values={"labels": None, "triggerer": {"volumes": []}}, podSecurity="restricted")
    assert list(empties(values_of(config))) == []
