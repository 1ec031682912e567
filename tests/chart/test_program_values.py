"""The values that the program generates, rendered by a real Helm with the charts of both generations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import delivery
from delivery.chart_values import chart_values
from domain.chart import SecretNames, with_secret_names
from tests.support.helm_chart import CHARTS, Chart, Rendered
from tests.support.stacks import settings_of, with_agent

NAMES = SecretNames(image_pull="pull", agent_token="token", sentinel_auth="sentinel", open_lineage=None)
RICH: dict[str, Any] = {
    "podSecurity": "restricted",
    "values": {"labels": {"team": "data"}, "dagProcessor": {"volumes": []}},
    "workers": [
        {
            "name": "w",
            "env": {"A": "1"},
            "resources": {"requests": {"cpu": "2"}},
            "autoscaling": {"maxReplicas": 3},
            "values": {"hpa": {"behavior": {"scaleDown": {"selectPolicy": "Min"}}}},
        }
    ],
}


def _rendered(helm: Path, folder: str, scratch: Path, config: dict[str, Any]) -> Rendered:
    settings = settings_of(config)
    values = chart_values(settings, delivery.plan(settings, authorities={}), image="r.example.com/a:1")
    values = with_secret_names(values, NAMES, version=settings.agent.chart.version)
    chart = Chart(helm=helm, folder=CHARTS / folder)
    return Rendered(chart.run(["template", "trial"], defaults=True, values=values, scratch=scratch))


@pytest.mark.parametrize("agent", [{}, RICH], ids=["plain", "rich"])
@pytest.mark.parametrize(
    ("version", "folder"),
    [("2.3.3", "astro-remote-execution-agent"), ("1.0.2", "astro-remote-execution-agent-1")],
)
def test_both_charts_render_them(
    helm: Path, tmp_path: Path, agent: dict[str, Any], version: str, folder: str
) -> None:
    rendered = _rendered(helm, folder, tmp_path, with_agent(**agent, chart={"version": version}))
    name = "astro-agent-worker-w" if agent else "astro-agent-worker-default-worker"
    worker = rendered.container(name)
    if agent:
        assert worker["resources"] == {"requests": {"cpu": "2"}}
        assert worker["securityContext"]["readOnlyRootFilesystem"] is True
        scaler = rendered.get("HorizontalPodAutoscaler", f"{name}-hpa")["spec"]
        assert scaler["behavior"] == {"scaleDown": {"selectPolicy": "Min"}}
    else:
        assert worker["resources"]["limits"]["memory"] == "2Gi"
        assert worker["livenessProbe"]["httpGet"]["port"] == 39091


LOGS: dict[str, Any] = {
    "logs": {
        "sidecar": {
            "env": {"KEY": {"secret": "vector", "key": "api-key"}},
            "sinks": {
                "store": {"type": "http", "uri": "https://logs.example.com", "auth": {"user": "${KEY}"}}
            },
        }
    }
}


@pytest.mark.parametrize("security", [None, "restricted"])
@pytest.mark.parametrize(
    ("version", "folder"),
    [("2.3.3", "astro-remote-execution-agent"), ("1.0.2", "astro-remote-execution-agent-1")],
)
def test_the_logging_sidecar_comes_with_its_volumes(
    helm: Path, tmp_path: Path, security: str | None, version: str, folder: str
) -> None:
    config = with_agent(**LOGS, **({"podSecurity": security} if security else {}), chart={"version": version})
    rendered = _rendered(helm, folder, tmp_path, config)
    for deployment in ("astro-agent-worker-default-worker", "astro-agent-triggerer"):
        pod = rendered.pod(deployment)
        agent, sidecar = pod["containers"][:2]
        assert sidecar["name"] == "vector-logging-sidecar"
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in (agent, sidecar):
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
            assert {"name": "task-logs", "mountPath": "/usr/local/airflow/logs"} in container["volumeMounts"]
            paths = [mount["mountPath"] for mount in container["volumeMounts"]]
            assert len(paths) == len(set(paths)), "Kubernetes refuses a path that is mounted twice"
        restricted = sidecar.get("securityContext", {}).get("readOnlyRootFilesystem")
        assert restricted is (True if security else None)
    assert len(rendered.pod("astro-agent-dag-processor")["containers"]) == 1
    sent = yaml.safe_load(rendered.get("ConfigMap", "vector-logging-sidecar-cm")["data"]["vector.yaml"])
    assert sent["sinks"]["store"]["inputs"] == list(sent["sources"])


@pytest.mark.parametrize(
    ("version", "folder"),
    [("2.3.3", "astro-remote-execution-agent"), ("1.0.2", "astro-remote-execution-agent-1")],
)
def test_an_identity_reaches_pods_and_accounts(helm: Path, tmp_path: Path, version: str, folder: str) -> None:
    client = "00000000-0000-0000-0000-00000000000a"
    config = with_agent(identity={"azure": {"clientId": client}}, chart={"version": version})
    rendered = _rendered(helm, folder, tmp_path, config)
    for name in ("astro-agent-worker-default-worker", "astro-agent-dag-processor", "astro-agent-triggerer"):
        template = rendered.get("Deployment", name)["spec"]["template"]
        assert template["metadata"]["labels"]["azure.workload.identity/use"] == "true"
        account = rendered.get("ServiceAccount", template["spec"]["serviceAccountName"])
        assert account["metadata"]["annotations"]["azure.workload.identity/client-id"] == client


def test_workers_may_have_separate_identities(helm: Path, tmp_path: Path) -> None:
    role = "arn:aws:iam::123456789012:role/{}"
    workers = [
        {"name": name, "queues": [name], "identity": {"aws": {"roleArn": role.format(name)}}}
        for name in ("a", "b")
    ]
    rendered = _rendered(helm, "astro-remote-execution-agent", tmp_path, with_agent(workers=workers))
    for name in ("a", "b"):
        pod = rendered.pod(f"astro-agent-worker-{name}")
        account = rendered.get("ServiceAccount", pod["serviceAccountName"])
        assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": role.format(name)}
