"""From a rendered object back to the stack key, on the objects that the stand-in chart renders."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from preflight.origins import key_of_object, key_of_value, mentioned
from tests.support.helm_chart import render_stack, stack_values
from tests.support.stacks import settings_of, with_agent

LOGS = {"logs": {"sidecar": {"sinks": {"out": {"type": "console"}}}}}
AGENT: dict[str, Any] = {
    **LOGS,
    "env": {"SHARED": "1"},
    "podSecurity": "restricted",
    "values": {"labels": {"team": "data"}, "commonEnv": [{"name": "RAW", "value": "1"}]},
    "workers": [
        {"name": "a", "resources": {"requests": {"cpu": "1"}}},
        {
            "name": "b",
            "queues": ["b"],
            "autoscaling": {"maxReplicas": 3},
            "env": {"OWN": "1"},
            "nodeSelector": {"pool": "x"},
            "values": {
                "volumes": [{"name": "v", "emptyDir": {}}],
                "extraContainers": [{"name": "extra", "image": "x"}],
                "initContainers": [{"name": "first", "image": "x"}],
            },
        },
    ],
    "triggerer": {"values": {"volumeMounts": [{"name": "none", "mountPath": "/x"}]}},
}
Origin = Callable[[str, str, str], str]


@pytest.fixture(scope="module")
def origin(helm_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Origin:
    """Stack key of (kind, name without prefix, field); {container} in a field is the number of that container."""
    config = with_agent(**copy.deepcopy(AGENT))
    settings, values = stack_values(config)
    rendered = render_stack(helm_program, tmp_path_factory.mktemp("origins"), config)

    def key(kind: str, name: str, field: str) -> str:
        document = rendered.get(kind, name)
        pod = document.get("spec", {}).get("template", {}).get("spec", {})
        numbers = {item["name"]: index for index, item in enumerate(pod.get("containers", []))}
        numbers |= {
            item["name"]: index
            for container in pod.get("containers", [])
            for index, item in enumerate(container.get("env", []))
        }
        for found, number in numbers.items():
            field = field.replace(f"{{{found}}}", str(number))
        return key_of_object(settings, values, document, field)

    return key


POD = "spec.template.spec"


@pytest.mark.parametrize(
    ("name", "field", "key"),
    [
        ("worker-a", f"{POD}.containers[0].resources.requests", "agent.workers[0].resources"),
        ("worker-b", f"{POD}.containers[0].resources.requests", "agent.workers[1].resources"),
        ("worker-b", f"{POD}.containers[0].env[{{OWN}}].name", "agent.workers[1].env.OWN"),
        ("worker-b", f"{POD}.containers[0].env[{{SHARED}}].name", "agent.env.SHARED"),
        ("worker-b", f"{POD}.containers[0].env[{{RAW}}].name", "agent.values.commonEnv.RAW"),
        ("worker-b", f"{POD}.containers[{{extra}}].image", "agent.workers[1].values.extraContainers"),
        ("worker-b", f"{POD}.initContainers[0].image", "agent.workers[1].values.initContainers"),
        ("worker-b", f"{POD}.volumes[0].name", "agent.workers[1].values.volumes"),
        ("worker-b", f"{POD}.nodeSelector", "agent.workers[1].nodeSelector"),
        ("worker-b", "spec.replicas", "agent.workers[1].replicas"),
        ("worker-b", f"{POD}.terminationGracePeriodSeconds", "agent.workers[1].terminationGracePeriodSeconds"),
        ("worker-b", f"{POD}.containers[0].securityContext", "agent.podSecurity"),
        ("worker-b", f"{POD}.securityContext.fsGroup", "agent.podSecurity"),
        ("worker-b", f"{POD}.containers[{{vector-logging-sidecar}}].volumeMounts[0].name", "agent.logs.sidecar"),
        ("triggerer", f"{POD}.containers[0].volumeMounts[3].name", "agent.triggerer.values.volumeMounts"),
        ("dag-processor", f"{POD}.containers[0].image", "image"),
        ("sentinel", f"{POD}.containers[0].image", "agent.sentinel.image"),
        ("worker-a", "metadata.labels", "agent.values.labels"),
        ("worker-a", "spec.template.labels", "agent.values.labels"),
        ("worker-a", "", "agent.workers[0]"),
    ],
)  # fmt: skip
def test_fields_of_deployments(origin: Origin, name: str, field: str, key: str) -> None:
    assert origin("Deployment", f"astro-agent-{name}", field) == key


@pytest.mark.parametrize(
    ("kind", "name", "field", "key"),
    [
        (
            "HorizontalPodAutoscaler",
            "astro-agent-worker-b-hpa",
            "spec.maxReplicas",
            "agent.workers[1].autoscaling",
        ),
        ("ServiceAccount", "astro-agent-worker-b", "metadata.name", "agent.identity"),
        ("ConfigMap", "vector-logging-sidecar-cm", "data", "agent.logs.sidecar"),
        ("Role", "astro-agent-sentinel", "rules[0]", "agent.sentinel"),
    ],
)
def test_fields_of_other_objects(origin: Origin, kind: str, name: str, field: str, key: str) -> None:
    assert origin(kind, name, field) == key


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("loggingSidecar.enabled needs the volume task-logs", ("loggingSidecar", "enabled")),
        ("give .Values.openLineage.url", ()),
        ("at <.openLineage.url>: nil pointer", ("openLineage", "url")),
        ("something else", ()),
    ],
)
def test_values_that_a_message_names(text: str, path: tuple[str, ...]) -> None:
    assert mentioned({"loggingSidecar": {}, "openLineage": {}}, text) == path


def test_values_that_nothing_is_known_of_lead_to_the_chart() -> None:
    assert key_of_value(settings_of(), ()) == "agent.chart.version"
    assert key_of_value(settings_of(), ("invented", "key")) == "agent.chart.version"
