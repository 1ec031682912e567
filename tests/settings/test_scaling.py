"""Numbers of Pods in the stack file."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.stacks import problems, settings_of, with_agent

PROMETHEUS = {"prometheus": "http://prometheus:9090"}
AT = "agent.workers[0].autoscaling"


def scaled(values: dict[str, Any] | None = None, **scaling: Any) -> dict[str, Any]:
    worker = {"name": "w", "autoscaling": {"maxReplicas": 2, **scaling}, "values": values or {}}
    return {"workers": [worker]}


@pytest.mark.parametrize(
    ("agent", "key", "says"),
    [
        (scaled(minReplicas=3), AT, "minReplicas 3 above maxReplicas 2"),
        (scaled(minReplicas=0), AT, "which only KEDA can do"),
        (scaled(minReplicas=0, keda=PROMETHEUS), AT, "is missing without Pods; write keda.query"),
        (scaled(keda={}), f"{AT}.keda", "has no trigger"),
        (scaled(keda={**PROMETHEUS, "triggers": [{"type": "cron"}]}), f"{AT}.keda", "has both"),
        (
            scaled(keda={"triggers": [{"type": "redis", "metadata": {"password": "canary"}}]}),
            f"{AT}.keda",
            "in plain text; put it into a Secret",
        ),
        (scaled({"keda": {"enabled": True}}, keda=PROMETHEUS), "agent.workers[0].values.keda", "keep one"),
        (scaled({"keda": {"enabled": True}}), "agent.workers[0].values.keda", "keep one"),
        (
            {"disruptionBudgets": {"workers": {"minAvailable": 1, "maxUnavailable": 1}}},
            "agent.disruptionBudgets.workers",
            "needs one number",
        ),
        (
            {"triggerer": {"spread": {"over": "node"}, "affinity": {"podAntiAffinity": {}}}},
            "agent.triggerer.spread",
            "keep one of them",
        ),
        ({"sentinel": {"spread": {"over": "node"}}}, "agent.sentinel.spread", "has one Pod"),
        (
            {"chart": {"version": "1.0.2"}, "triggerer": {"spread": {"over": "node"}}},
            "agent.triggerer",
            "need chart 2.0.0",
        ),
    ],
)
def test_mistakes(agent: dict[str, Any], key: str, says: str) -> None:
    ((found, sentence),) = problems(with_agent(**agent)).items()
    assert found == key
    assert says in sentence
    assert "canary" not in sentence


def test_zero_pods_with_a_metric_from_elsewhere() -> None:
    keda = {**PROMETHEUS, "query": "sum(tasks)"}
    assert (
        settings_of(with_agent(**scaled(minReplicas=0, keda=keda))).agent.workers[0].autoscaling is not None
    )


def test_a_chart_that_scales_by_keda_itself() -> None:
    worker = {"name": "w", "values": {"keda": {"enabled": True}}}
    assert settings_of(with_agent(workers=[worker])).agent.workers[0].values["keda"]
