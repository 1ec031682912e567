"""The 1.x stand-in: what differs from 2.x."""

import base64
from typing import Any

import pytest

from tests.support.helm_chart import Lint, Render, RenderError

WORKER = {"name": "w", "image": "registry.example.test/agent:1"}
TASK_LOGS = [{"name": "task-logs", "emptyDir": {}}]


@pytest.fixture
def generation() -> int:
    return 1


def test_minimal_values_pass_a_strict_lint(lint: Lint) -> None:
    assert "0 chart(s) failed" in lint()


def test_minimal_values_make_agents_without_sentinel(render: Render) -> None:
    rendered = render()
    agents = {"astro-agent-worker-default-worker", "astro-agent-dag-processor", "astro-agent-triggerer"}
    assert rendered.names("Deployment") == rendered.names("ServiceAccount") == agents
    assert rendered.names("Secret") == set()
    env = rendered.env("astro-agent-worker-default-worker")
    assert env["OPENLINEAGE_DISABLED"] == "True"
    assert "AIRFLOW__WORKERS__STATE_STORE_BACKEND" not in env
    assert rendered.pod("astro-agent-worker-default-worker")["terminationGracePeriodSeconds"] == 600


def test_autoscaler_target_has_a_capital_letter(render: Render) -> None:
    metric = {"target": {"type": "Value", "Value": 12}}
    rendered = render(workers=[{**WORKER, "hpa": {"enabled": True, "maxReplicaCount": 3, "metric": metric}}])
    assert "replicas" not in rendered.get("Deployment", "astro-agent-worker-w")["spec"]
    spec = rendered.get("HorizontalPodAutoscaler", "astro-agent-worker-w-hpa")["spec"]
    assert spec["metrics"][0]["object"]["target"] == {"type": "Value", "value": "12"}


def test_secrets_given_in_plain_text_are_made(render: Render) -> None:
    rendered = render(
        imagePullSecretName=None, imagePullSecretData="{}", agentToken="in-clear",
        openLineage={"enabled": True, "apiKey": "key"},
    )  # fmt: skip
    assert rendered.names("Secret") == {
        "image-pull-secret",
        "agent-token-secret",
        "openlineage-api-key-secret",
    }
    assert base64.b64decode(rendered.get("Secret", "agent-token-secret")["data"]["token"]) == b"in-clear"
    env = rendered.env("astro-agent-triggerer")
    assert env["ASTRO_AGENT_CLIENT_API_TOKEN"] == {
        "secretKeyRef": {"name": "agent-token-secret", "key": "token"}
    }


def test_sidecar_and_environment(render: Render) -> None:
    rendered = render(
        commonEnv=[{"name": "A", "value": "b"}], loggingSidecar={"enabled": True, "config": "sinks: {}\n"},
        labels={"team": "data"}, triggerer={"image": WORKER["image"], "volumes": TASK_LOGS},
        workers=[{**WORKER, "env": [{"name": "A", "value": "c"}], "volumes": TASK_LOGS}],
    )  # fmt: skip
    variables = rendered.container("astro-agent-worker-w", "worker")["env"]
    assert [each["value"] for each in variables if each["name"] == "A"] == ["b", "c"]
    assert "env" not in rendered.container("astro-agent-worker-w", "vector-logging-sidecar")
    assert rendered.get("ConfigMap", "vector-logging-sidecar-cm")["data"] == {"vector.yaml": "sinks: {}\n"}
    assert all(manifest["metadata"]["labels"]["team"] == "data" for manifest in rendered)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"image": "registry.example.test/agent:1"}, "image"),
        ({"imagePullPolicy": "Always"}, "imagePullPolicy"),
        ({"agentTokenFile": "/run/token"}, "agentTokenFile"),
        ({"sentinel": {"enabled": False}}, "sentinel"),
        ({"stateStoreBackend": "a.B"}, "stateStoreBackend"),
        ({"openLineage": {"endpoint": "/x"}}, "endpoint"),
        ({"loggingSidecar": {"preStopSleepSeconds": 5}}, "preStopSleepSeconds"),
        ({"workers": [{"name": "w"}]}, "image"),
        ({"workers": [{**WORKER, "tolerations": []}]}, "tolerations"),
        ({"workers": [{**WORKER, "canUseKubernetesPodOperator": True}]}, "canUseKubernetesPodOperator"),
        ({"workers": [{**WORKER, "hpa": {"metric": {"target": {"type": "Value", "value": 20}}}}]}, "value"),
    ],
)
def test_keys_of_2x_are_refused(render: Render, values: dict[str, Any], named: str) -> None:
    with pytest.raises(RenderError) as refused:
        render(**values)
    assert named in str(refused.value)


@pytest.mark.parametrize("bare", ["workers", "triggerer"])
def test_a_sidecar_without_its_volume_does_not_render(render: Render, bare: str) -> None:
    values: dict[str, Any] = {
        "workers": [{**WORKER, "volumes": [] if bare == "workers" else TASK_LOGS}],
        "triggerer": {"image": WORKER["image"], "volumes": [] if bare == "triggerer" else TASK_LOGS},
    }
    with pytest.raises(RenderError, match="needs the volume task-logs"):
        render(loggingSidecar={"enabled": True}, **values)
