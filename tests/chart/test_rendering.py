"""What the 2.x stand-in makes of its values."""

import base64
import json
from typing import Any

import pytest

from tests.support.helm_chart import Lint, Render, Rendered

WORKER = "astro-agent-worker-default-worker"
AGENTS = (WORKER, "astro-agent-dag-processor", "astro-agent-triggerer")
SENTINEL = "astro-agent-sentinel"

TASK_LOGS = [{"name": "task-logs", "emptyDir": {}}]


def secret(rendered: Rendered, name: str, key: str) -> str:
    """Return a Secret's value in plain text."""
    return base64.b64decode(rendered.get("Secret", name)["data"][key]).decode()


def test_minimal_values_pass_a_strict_lint(lint: Lint) -> None:
    assert "0 chart(s) failed" in lint()


def test_minimal_values_make_one_deployment_per_component(render: Render) -> None:
    rendered = render()
    assert rendered.names("Deployment") == {*AGENTS, SENTINEL}
    assert rendered.names("ServiceAccount") == {*AGENTS, SENTINEL}
    assert rendered.names("Namespace") == set()
    assert rendered.names("HorizontalPodAutoscaler") == set()
    assert rendered.names("ConfigMap") == set()


def test_every_object_goes_to_the_namespace_of_the_values(render: Render) -> None:
    assert {manifest["metadata"]["namespace"] for manifest in render()} == {"astro-agents"}


def test_worker_pod_holds_the_documented_defaults(render: Render) -> None:
    rendered = render()
    pod, worker = rendered.pod(WORKER), rendered.container(WORKER)
    assert rendered.get("Deployment", WORKER)["spec"]["replicas"] == 1
    assert pod["terminationGracePeriodSeconds"] == 600
    assert pod["securityContext"] == {"runAsUser": 50000, "fsGroup": 50000, "runAsNonRoot": True}
    assert pod["imagePullSecrets"] == [{"name": "pull-secret"}]
    assert worker["resources"]["limits"] == {"cpu": "1", "memory": "2Gi", "ephemeral-storage": "1Gi"}
    for probe in (worker["livenessProbe"], worker["readinessProbe"]):
        assert probe["httpGet"] == {"path": "/healthz", "port": 39091}
        assert (probe["initialDelaySeconds"], probe["periodSeconds"], probe["timeoutSeconds"]) == (5, 5, 5)
    env = rendered.env(WORKER)
    assert env["ASTRO_AGENT_CLIENT_WORKER__QUEUES"] == "default"
    assert env["ASTRO_AGENT_CLIENT_WORKER__SYNC_SLOTS"] == "20"
    assert env["AIRFLOW__SECRETS__BACKEND"] == "airflow.secrets.local_filesystem.LocalFilesystemBackend"
    assert env["AIRFLOW__CORE__XCOM_BACKEND"].endswith(".XComObjectStorageBackend")
    assert env["AIRFLOW__WORKERS__STATE_STORE_BACKEND"].endswith(".StateStoreObjectStorageBackend")


def test_no_container_overrides_its_entrypoint(render: Render) -> None:
    for deployment in render().deployments():
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        assert "command" not in container
        assert container["args"] == [container["name"]]


def test_sentinel_has_its_own_user_probe_and_environment(render: Render) -> None:
    rendered = render(commonEnv=[{"name": "ONLY_AGENTS", "value": "1"}], agentTokenSecretName="tokens")
    assert rendered.pod(SENTINEL)["securityContext"]["runAsUser"] == 5000
    assert rendered.container(SENTINEL)["readinessProbe"]["httpGet"] == {"path": "/health", "port": 8080}
    assert not {"ONLY_AGENTS", "ASTRO_AGENT_CLIENT_API_TOKEN"} & set(rendered.env(SENTINEL))


def test_sentinel_can_be_switched_off(render: Render) -> None:
    rendered = render(sentinel={"enabled": False})
    for kind in ("Deployment", "ServiceAccount", "Role", "RoleBinding"):
        assert SENTINEL not in rendered.names(kind)
    assert rendered.names("Secret") == set()


def test_common_env_reaches_agents_before_their_own(render: Render) -> None:
    rendered = render(
        commonEnv=[{"name": "A", "value": "common"}],
        dagProcessor={"env": [{"name": "A", "value": "own"}]},
        loggingSidecar={"enabled": True},
        workers=[{"name": "default-worker", "volumes": TASK_LOGS}],
        triggerer={"volumes": TASK_LOGS},
    )
    variables = rendered.container("astro-agent-dag-processor")["env"]
    assert [each["value"] for each in variables if each["name"] == "A"] == ["common", "own"]
    assert rendered.env(WORKER)["A"] == rendered.env("astro-agent-triggerer")["A"] == "common"
    assert "A" not in rendered.env(WORKER, "vector-logging-sidecar")


def test_bundle_list_arrives_unchanged_in_every_agent(render: Render) -> None:
    text = json.dumps([{"name": 'a "quoted" name', "classpath": "x.Y", "kwargs": {"submodules": True}}])
    rendered = render(dagBundleConfigList=text)
    for name in AGENTS:
        assert rendered.env(name)["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] == text


def test_component_image_wins_over_the_common_one(render: Render) -> None:
    rendered = render(
        image="registry.example.test/agent:1", triggerer={"image": "registry.example.test/other:2"}
    )
    assert rendered.container(WORKER)["image"] == "registry.example.test/agent:1"
    assert rendered.container("astro-agent-triggerer")["image"] == "registry.example.test/other:2"
    assert "sentinel" in rendered.container(SENTINEL)["image"]


def test_several_workers_are_several_deployments(render: Render) -> None:
    rendered = render(
        workers=[
            {"name": "small", "queues": "default"},
            {
                "name": "big",
                "queues": "big,huge",
                "syncSlots": 4,
                "replicas": 3,
                "terminationGracePeriodSeconds": 0,
            },
        ]
    )
    small, big = "astro-agent-worker-small", "astro-agent-worker-big"
    assert rendered.names("Deployment") >= {small, big}
    assert rendered.env(big)["ASTRO_AGENT_CLIENT_WORKER__QUEUES"] == "big,huge"
    assert rendered.env(big)["ASTRO_AGENT_CLIENT_WORKER__SYNC_SLOTS"] == "4"
    assert rendered.get("Deployment", big)["spec"]["replicas"] == 3
    assert rendered.pod(big)["terminationGracePeriodSeconds"] == 0
    assert rendered.pod(small)["terminationGracePeriodSeconds"] == 600
    assert rendered.container(small)["resources"]["requests"]["memory"] == "2Gi"
    selectors = [d["spec"]["selector"]["matchLabels"] for d in rendered.deployments()]
    assert len({json.dumps(each, sort_keys=True) for each in selectors}) == len(selectors)


def test_autoscaled_worker_has_no_replicas(render: Render) -> None:
    extra = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    hpa = {"enabled": True, "minReplicaCount": 2, "maxReplicaCount": 6, "extraMetrics": [extra]}
    rendered = render(workers=[{"name": "auto", "replicas": 4, "hpa": hpa}])
    assert "replicas" not in rendered.get("Deployment", "astro-agent-worker-auto")["spec"]
    spec = rendered.get("HorizontalPodAutoscaler", "astro-agent-worker-auto-hpa")["spec"]
    assert spec["scaleTargetRef"]["name"] == "astro-agent-worker-auto"
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 6)
    measured, added = spec["metrics"]
    assert measured["object"]["metric"]["name"] == "astro_agent_client_queued_or_running_tasks"
    assert measured["object"]["target"] == {"type": "Value", "value": "20"}
    assert added == extra


def test_logging_sidecar_runs_next_to_workers_and_triggerer(render: Render) -> None:
    logs = [{"name": "task-logs", "mountPath": "/usr/local/airflow/logs"}]
    sidecar = {"enabled": True, "config": {"sinks": {"out": {"type": "console"}}}, "volumeMounts": logs}
    rendered = render(
        loggingSidecar=sidecar,
        workers=[{"name": "default-worker", "volumes": TASK_LOGS, "volumeMounts": logs}],
        triggerer={"volumes": TASK_LOGS, "volumeMounts": logs},
    )
    config = rendered.get("ConfigMap", "vector-logging-sidecar-cm")["data"]["vector.yaml"]
    assert "console" in config
    for name in (WORKER, "astro-agent-triggerer"):
        container = rendered.container(name, "vector-logging-sidecar")
        assert container["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}
        assert {mount["name"] for mount in container["volumeMounts"]} <= {
            v["name"] for v in rendered.pod(name)["volumes"]
        }
        assert rendered.container(name)["volumeMounts"] == logs
    assert len(rendered.pod("astro-agent-dag-processor")["containers"]) == 1


@pytest.mark.parametrize(
    ("values", "name", "key"),
    [
        ({"agentToken": "in-clear"}, "agent-token-secret", "token"),
        ({"sentinelAuthSecret": "in-clear"}, "sentinel-auth-secret", "secret"),
        ({"openLineage": {"apiKey": "in-clear"}}, "openlineage-api-key-secret", "api-key"),
        (
            {"imagePullSecretName": None, "imagePullSecretData": "in-clear"},
            "image-pull-secret",
            ".dockerconfigjson",
        ),
    ],
)
def test_secret_given_in_plain_text_is_made_and_read(
    render: Render, values: dict[str, Any], name: str, key: str
) -> None:
    rendered = render(**values)
    assert secret(rendered, name, key) == "in-clear"
    pods = [deployment["spec"]["template"]["spec"] for deployment in rendered.deployments()]
    readers = [
        pod
        for pod in pods
        if {"name": name} in pod["imagePullSecrets"]
        or any(
            each.get("valueFrom", {}).get("secretKeyRef") == {"name": name, "key": key}
            for each in pod["containers"][0]["env"]
        )
    ]
    assert len(readers) == {"sentinel-auth-secret": 1, "image-pull-secret": 4}.get(name, 3)


def test_named_secrets_are_read_and_none_is_made(render: Render) -> None:
    rendered = render(
        agentTokenSecretName="my-token",
        sentinelAuthSecretName="my-sentinel",
        openLineage={"apiKeySecret": "my-key"},
    )
    assert rendered.names("Secret") == set()
    assert rendered.env(WORKER)["ASTRO_AGENT_CLIENT_API_TOKEN"] == {
        "secretKeyRef": {"name": "my-token", "key": "token"}
    }
    assert rendered.env(WORKER)["OPENLINEAGE_API_KEY"] == {
        "secretKeyRef": {"name": "my-key", "key": "api-key"}
    }
    assert {"secretKeyRef": {"name": "my-sentinel", "key": "secret"}} in rendered.env(SENTINEL).values()


def test_credentials_by_file_need_no_secret(render: Render) -> None:
    rendered = render(agentTokenFile="/run/token", sentinelAuthSecretFile="/run/sentinel")
    assert rendered.names("Secret") == set()
    assert rendered.env(WORKER)["ASTRO_AGENT_CLIENT_API_TOKEN_FILE"] == "/run/token"
    assert "ASTRO_AGENT_CLIENT_API_TOKEN" not in rendered.env(WORKER)
    assert "/run/sentinel" in rendered.env(SENTINEL).values()


def test_sentinel_secret_is_random_when_none_is_given(render: Render) -> None:
    first, second = (secret(render(), "sentinel-auth-secret", "secret") for _ in range(2))
    assert len(first) == len(second) == 32
    assert first != second


def test_openlineage_variables_follow_the_switch(render: Render) -> None:
    on = render(openLineage={"namespace": "clear-sky-1234", "endpoint": "/api"}).env(WORKER)
    assert on["OPENLINEAGE_DISABLED"] == "False"
    assert on["OPENLINEAGE_NAMESPACE"] == "clear-sky-1234"
    assert on["OPENLINEAGE_ENDPOINT"] == "/api"
    assert "ASTRO_WORKSPACE_ID" in json.loads(on["OPENLINEAGE__FACETS__ENVIRONMENT_VARIABLES"])
    off = render(openLineage={"enabled": False, "apiKey": "unused"})
    assert {name: value for name, value in off.env(WORKER).items() if "LINEAGE" in name} == {
        "OPENLINEAGE_DISABLED": "True"
    }
    assert off.names("Secret") == {"sentinel-auth-secret"}


def test_labels_and_annotations_are_on_every_object_and_pod(render: Render) -> None:
    rendered = render(
        createNamespace=True, labels={"team": "data", "app": "ignored"}, annotations={"owner": "data"},
        agentToken="t", loggingSidecar={"enabled": True, "config": "sinks: {}"}, sentinel={"config": {"interval": 30}},
        workers=[{"name": "w", "canUseKubernetesPodOperator": True, "hpa": {"enabled": True}, "volumes": TASK_LOGS}],
        triggerer={"volumes": TASK_LOGS},
    )  # fmt: skip
    assert rendered.names("Namespace") == {"astro-agents"}
    bearers = [manifest["metadata"] for manifest in rendered]
    bearers += [deployment["spec"]["template"]["metadata"] for deployment in rendered.deployments()]
    for metadata in bearers:
        assert metadata["labels"]["team"] == "data"
        assert metadata["labels"]["app"] == "astro-agent"
        assert metadata["annotations"]["owner"] == "data"
    for deployment in rendered.deployments():
        wanted = deployment["spec"]["selector"]["matchLabels"]
        assert wanted.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_worker_service_account_wins_over_the_common_one(render: Render) -> None:
    rendered = render(
        serviceAccount={
            "annotations": {"role": "all", "kept": "yes"},
            "workers": {"name": "shared"},
            "triggerer": {"create": False},
            "dagProcessor": {"create": False, "name": "existing"},
        },
        workers=[
            {"name": "a"},
            {"name": "b"},
            {"name": "c", "serviceAccount": {"name": "special", "annotations": {"role": "c"}}},
        ],
    )
    assert rendered.names("ServiceAccount") == {"shared", "special", SENTINEL}
    assert rendered.pod("astro-agent-worker-a")["serviceAccountName"] == "shared"
    assert rendered.pod("astro-agent-worker-c")["serviceAccountName"] == "special"
    assert rendered.pod("astro-agent-triggerer")["serviceAccountName"] == "default"
    assert rendered.pod("astro-agent-dag-processor")["serviceAccountName"] == "existing"
    assert rendered.get("ServiceAccount", "special")["metadata"]["annotations"] == {
        "role": "c",
        "kept": "yes",
    }


def test_pod_operator_role_binds_only_workers_that_may(render: Render) -> None:
    name = "astro-agent-kubernetes-pod-operator"
    assert name not in render().names("Role")
    rendered = render(workers=[{"name": "may", "canUseKubernetesPodOperator": True}, {"name": "not"}])
    subjects = rendered.get("RoleBinding", name)["subjects"]
    assert [subject["name"] for subject in subjects] == ["astro-agent-worker-may"]
    assert any(
        "pods" in rule["resources"] and "create" in rule["verbs"]
        for rule in rendered.get("Role", name)["rules"]
    )


def test_pod_settings_reach_the_pod(render: Render) -> None:
    settings: dict[str, Any] = {
        "podSecurityContext": {"runAsUser": 7},
        "containerSecurityContext": {"readOnlyRootFilesystem": True},
        "initContainers": [{"name": "before", "image": "a:1"}],
        "extraContainers": [{"name": "beside", "image": "b:1"}],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "nodeSelector": {"disk": "fast"},
        "affinity": {"podAntiAffinity": {}},
        "tolerations": [{"operator": "Exists"}],
        "livenessProbe": {"httpGet": {"path": "/other", "port": 1}},
        "resources": {"limits": {"cpu": 2}},
    }
    rendered = render(
        workers=[{"name": "default-worker", **settings}], dagProcessor=settings, triggerer=settings
    )
    for name in AGENTS:
        pod = rendered.pod(name)
        first, beside = pod["containers"]
        assert pod["securityContext"] == {"runAsUser": 7}
        assert first["securityContext"] == {"readOnlyRootFilesystem": True}
        assert first["volumeMounts"] == settings["volumeMounts"]
        assert first["livenessProbe"]["httpGet"] == {"path": "/other", "port": 1}
        assert first["resources"]["limits"]["cpu"] == 2
        assert beside == settings["extraContainers"][0]
        for key in ("initContainers", "volumes", "nodeSelector", "affinity", "tolerations"):
            assert pod[key] == settings[key]
