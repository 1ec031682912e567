"""How many Pods of a component there are, where they run, and how many may be away: autoscaling, spread, disruption budgets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from domain.credentials import in_clear
from settings.base import DnsSubdomain, HttpUrl, Seconds, Section


class Keda(Section):
    """KEDA (keda.sh) scales the worker instead of the chart's HorizontalPodAutoscaler; also to zero."""

    prometheus: HttpUrl | None = None
    """Prometheus that scrapes the agents, as KEDA reaches it: http://prometheus.monitoring:9090."""
    query: Annotated[str, StringConstraints(min_length=1)] | None = None
    """Query for the tasks that the worker has to do, queued and running; the agents' own metric when left out."""
    authentication: DnsSubdomain | None = None
    """TriggerAuthentication that exists in the agents' namespace."""
    auth_modes: Literal["basic", "bearer", "tls"] | None = None
    """How Prometheus is authenticated with."""
    triggers: tuple[dict[str, Any], ...] = ()
    """Other triggers, as KEDA spells them, instead of `prometheus`."""
    polling_interval: Seconds | None = None
    """Seconds between two polls of the triggers; KEDA's default is 30."""
    cooldown_period: Annotated[int, Field(ge=0)] | None = None
    """Seconds without tasks before the last Pod goes; KEDA's default is 300."""

    @model_validator(mode="after")
    def _one_source(self) -> Keda:
        if bool(self.triggers) == bool(self.prometheus):
            what = "has both prometheus and triggers" if self.prometheus else "has no trigger"
            raise ValueError(f"{what}; write either prometheus or triggers")
        if self.query and not self.prometheus:
            raise ValueError(
                "has a query without prometheus; add prometheus, or write the query into triggers"
            )
        for name in in_clear({"triggers": list(self.triggers)}):
            raise ValueError(
                f"contains {name} in plain text; put it into a Secret and name a TriggerAuthentication in the trigger's authenticationRef"
            )
        return self


class Autoscaling(Section):
    """Pods follow the queued and running tasks: by the chart's HorizontalPodAutoscaler, or by KEDA."""

    min_replicas: Annotated[int, Field(ge=0)] = 1
    """Fewest Pods; 0 only with KEDA."""
    max_replicas: Annotated[int, Field(ge=1)]
    """Most Pods."""
    target: Annotated[int, Field(ge=1)] = 20
    """Target number of queued and running tasks; with KEDA, tasks per Pod."""
    keda: Keda | None = None
    """Scale by KEDA."""

    @model_validator(mode="after")
    def _ordered(self) -> Autoscaling:
        if self.min_replicas > self.max_replicas:
            raise ValueError(
                f"has minReplicas {self.min_replicas} above maxReplicas {self.max_replicas}; write minReplicas <= maxReplicas"
            )
        if self.min_replicas == 0 and self.keda is None:
            raise ValueError("has minReplicas 0, which only KEDA can do; write 1 or more, or add keda")
        if self.min_replicas == 0 and self.keda and self.keda.prometheus and not self.keda.query:
            raise ValueError(
                "has minReplicas 0 and counts tasks by a metric of the worker's own Pods, which is missing without Pods; "
                "write keda.query for a metric from elsewhere, or minReplicas 1"
            )
        return self


class Spread(Section):
    """Keep Pods of a component apart, by an anti-affinity that every chart from 2.0.0 on takes."""

    over: Literal["node", "zone"]
    """What Pods are spread over."""
    required: bool = False
    """Rather leave a Pod waiting than put two together."""

    @property
    def topology_key(self) -> str:
        """Label of nodes that are the same place."""
        return "kubernetes.io/hostname" if self.over == "node" else "topology.kubernetes.io/zone"


class DisruptionBudget(Section):
    """How many Pods may be away while nodes are drained (an object of this program: the chart has none)."""

    min_available: Annotated[int, Field(ge=0)] | None = None
    """Pods that stay, or …"""
    max_unavailable: Annotated[int, Field(ge=0)] | None = None
    """… Pods that may be away."""
    selector: Annotated[dict[str, str], Field(min_length=1)] | None = None
    """Labels of the Pods; those of the chart when left out."""

    @model_validator(mode="after")
    def _one_number(self) -> DisruptionBudget:
        if (self.min_available is None) == (self.max_unavailable is None):
            raise ValueError("needs one number; write either minAvailable or maxUnavailable")
        return self


class DisruptionBudgets(Section):
    """Disruption budgets by component; that of the workers counts all workers together."""

    workers: DisruptionBudget | None = None
    """Workers."""
    dag_processor: DisruptionBudget | None = None
    """Dag processor."""
    triggerer: DisruptionBudget | None = None
    """Triggerer."""
