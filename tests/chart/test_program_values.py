"""The values that the program generates, rendered by a real Helm with the charts of both generations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.helm_chart import render_stack
from tests.support.stacks import with_agent

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


@pytest.mark.parametrize("agent", [{}, RICH], ids=["plain", "rich"])
@pytest.mark.parametrize("version", ["2.3.3", "1.0.2"])
def test_both_charts_render_them(
    helm_program: Path, tmp_path: Path, agent: dict[str, Any], version: str
) -> None:
    rendered = render_stack(helm_program, tmp_path, with_agent(**agent, chart={"version": version}))
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
@pytest.mark.parametrize("version", ["2.3.3", "1.0.2"])
def test_the_logging_sidecar_comes_with_its_volumes(
    helm_program: Path, tmp_path: Path, security: str | None, version: str
) -> None:
    config = with_agent(**LOGS, **({"podSecurity": security} if security else {}), chart={"version": version})
    rendered = render_stack(helm_program, tmp_path, config)
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


@pytest.mark.parametrize("version", ["2.3.3", "1.0.2"])
def test_an_identity_reaches_pods_and_accounts(helm_program: Path, tmp_path: Path, version: str) -> None:
    client = "00000000-0000-0000-0000-00000000000a"
    config = with_agent(identity={"azure": {"clientId": client}}, chart={"version": version})
    rendered = render_stack(helm_program, tmp_path, config)
    for name in ("astro-agent-worker-default-worker", "astro-agent-dag-processor", "astro-agent-triggerer"):
        template = rendered.get("Deployment", name)["spec"]["template"]
        assert template["metadata"]["labels"]["azure.workload.identity/use"] == "true"
        account = rendered.get("ServiceAccount", template["spec"]["serviceAccountName"])
        assert account["metadata"]["annotations"]["azure.workload.identity/client-id"] == client


def test_workers_may_have_separate_identities(helm_program: Path, tmp_path: Path) -> None:
    role = "arn:aws:iam::123456789012:role/{}"
    workers = [
        {"name": name, "queues": [name], "identity": {"aws": {"roleArn": role.format(name)}}}
        for name in ("a", "b")
    ]
    rendered = render_stack(helm_program, tmp_path, with_agent(workers=workers))
    for name in ("a", "b"):
        pod = rendered.pod(f"astro-agent-worker-{name}")
        account = rendered.get("ServiceAccount", pod["serviceAccountName"])
        assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": role.format(name)}
