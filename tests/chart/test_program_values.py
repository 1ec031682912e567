"""The values that the program generates, rendered by a real Helm with the charts of both generations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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
