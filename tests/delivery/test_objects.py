"""Objects next to the chart's, and the values that go with them."""

from __future__ import annotations

from typing import Any

import delivery
from delivery.chart_values import chart_values
from delivery.objects import default_query, objects
from tests.support.stacks import settings_of, with_agent

KEDA = {"prometheus": "http://prometheus:9090"}


def made(**agent: Any) -> list[Any]:
    return list(objects(settings_of(with_agent(**agent)).agent))


def worker(**scaling: Any) -> list[dict[str, Any]]:
    return [{"name": "w", "autoscaling": {"maxReplicas": 5, **scaling}}]


def test_without_settings_there_are_none() -> None:
    assert made() == []
    assert made(workers=worker()) == []


def test_keda_scales_the_workers_deployment() -> None:
    (found,) = made(
        workers=worker(
            target=7, keda={**KEDA, "authentication": "auth", "authModes": "bearer", "pollingInterval": 9}
        )
    )
    assert (found["apiVersion"], found["kind"]) == ("keda.sh/v1alpha1", "ScaledObject")
    assert found["metadata"] == {"name": "astro-agent-worker-w"}
    assert found["spec"] == {
        "scaleTargetRef": {"name": "astro-agent-worker-w"},
        "minReplicaCount": 1,
        "maxReplicaCount": 5,
        "pollingInterval": 9,
        "triggers": [
            {
                "type": "prometheus",
                "metadata": {
                    "serverAddress": "http://prometheus:9090",
                    "query": default_query("astro-agent-worker-w"),
                    "threshold": "7",
                    "authModes": "bearer",
                },
                "authenticationRef": {"name": "auth"},
            }
        ],
    }


def test_other_triggers_are_taken_as_they_are() -> None:
    trigger = {"type": "cron", "metadata": {"timezone": "UTC"}}
    (found,) = made(workers=worker(minReplicas=0, keda={"triggers": [trigger], "cooldownPeriod": 0}))
    assert found["spec"]["triggers"] == [trigger]
    assert (found["spec"]["minReplicaCount"], found["spec"]["cooldownPeriod"]) == (0, 0)


def test_the_chart_makes_no_second_autoscaler() -> None:
    settings = settings_of(with_agent(workers=worker(minReplicas=2, keda=KEDA)))
    (values,) = chart_values(settings, delivery.plan(settings, authorities={}))["workers"]
    assert values["hpa"]["enabled"] is False
    assert values["replicas"] == 2


def test_budgets_select_the_pods_of_the_chart() -> None:
    budgets = {"workers": {"maxUnavailable": 1}, "triggerer": {"minAvailable": 1, "selector": {"a": "b"}}}
    workers, triggerer = made(disruptionBudgets=budgets)
    assert workers["spec"] == {
        "selector": {"matchLabels": {"app": "astro-agent", "component": "worker"}},
        "maxUnavailable": 1,
    }
    assert triggerer["metadata"] == {"name": "astro-agent-triggerer"}
    assert triggerer["spec"] == {"selector": {"matchLabels": {"a": "b"}}, "minAvailable": 1}


def test_spread_is_an_anti_affinity() -> None:
    affinity = {"nodeAffinity": {"x": "y"}}
    settings = settings_of(
        with_agent(
            workers=[{"name": "w", "affinity": affinity, "spread": {"over": "zone"}}],
            triggerer={"spread": {"over": "node", "required": True}},
        )
    )
    values = chart_values(settings, delivery.plan(settings, authorities={}))
    found = values["workers"][0]["affinity"]
    assert found["nodeAffinity"] == {"x": "y"}
    (preferred,) = found["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred["podAffinityTerm"]["topologyKey"] == "topology.kubernetes.io/zone"
    (term,) = values["triggerer"]["affinity"]["podAntiAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    assert term["labelSelector"] == {"matchLabels": {"app": "astro-agent", "component": "triggerer"}}
