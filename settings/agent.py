"""`agent`: the Helm release of the Remote Execution Agent and the cluster it runs on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from domain.chart import (
    CHART_NAME,
    CHART_REPOSITORY,
    DEFAULT_NAME,
    ChartAddress,
    chart_release,
    has_sentinel,
)
from domain.names import CHART_WORKER_GRACE
from settings.base import DnsLabel, DnsSubdomain, EnvName, HttpUrl, Seconds, Section
from settings.containers import Environment, Resources
from settings.identity import Identity
from settings.image import ImageReference
from settings.logs import Logs
from settings.scaling import Autoscaling, DisruptionBudget, DisruptionBudgets, Spread
from settings.stores import SecretsBackend, StateStore, Xcom


class TargetCluster(Section):
    """The Kubernetes cluster; by default the current context of KUBECONFIG."""

    context: Annotated[str, StringConstraints(min_length=1)] | None = None
    """Context of the kubeconfig."""
    kubeconfig: Annotated[str, StringConstraints(min_length=1)] | None = None
    """Path of the kubeconfig file; to store its content instead, use `pulumi config set --secret kubeconfig`."""


class Chart(Section):
    """The agent's Helm chart; the version is always pinned."""

    repository: Annotated[str, StringConstraints(pattern=r"^(https?|oci)://[^\s@]+$")] = CHART_REPOSITORY
    """Chart repository (https:// or oci://)."""
    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")] = CHART_NAME
    """Name of the chart."""
    version: Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$")]
    """Exact version, for example 2.3.3; ranges are not allowed."""

    @property
    def release(self) -> tuple[int, int, int]:
        """Version as (major, minor, patch)."""
        return chart_release(self.version)

    @property
    def address(self) -> ChartAddress:
        """Address of the chart, for downloading it."""
        return ChartAddress(repository=self.repository, name=self.name, version=self.version)

    @property
    def has_sentinel(self) -> bool:
        """Whether this is chart 2.x or later, which has a sentinel."""
        return has_sentinel(self.version)


Reason = Annotated[str, StringConstraints(min_length=3)]
"""Reason, for reviewers."""


class Component(Environment):
    """Settings that every component of the chart has."""

    resources: Resources | None = None
    """Requests and limits; by default the chart's."""
    node_selector: dict[str, str] = {}
    """Labels that the node must have."""
    tolerations: tuple[dict[str, Any], ...] = ()
    """Kubernetes tolerations (chart 2.x)."""
    affinity: dict[str, Any] = {}
    """Kubernetes affinity (chart 2.x)."""
    spread: Spread | None = None
    """Keep its Pods apart (chart 2.x)."""
    priority_class: DnsSubdomain | None = None
    """PriorityClass of its Pods, for charts that have the value priorityClassName."""
    identity: Identity | None = None
    """Cloud identity of this component alone; otherwise `agent.identity` (the sentinel has none then)."""
    values: dict[str, Any] = {}
    """Other keys of the chart for this component, as the chart spells them; the settings above override them."""
    unknown_values: dict[str, Reason] = {}
    """Keys of `values` that the chart's package does not show but that are sent anyway, each with the reason."""
    env_order: tuple[EnvName, ...] = ()
    """Variables in the order that the Pods have them, when it is not this program's; those it does not name come last."""
    withheld: dict[str, Reason] = {}
    """Values of this component that this program would add and does not, each with the reason (docs/adoption.md)."""


class Worker(Component):
    """One worker Deployment and the queues it serves."""

    name: DnsLabel
    """Name; the Deployment is called <prefix>-worker-<name>."""
    queues: tuple[Annotated[str, StringConstraints(pattern=r"^[^\s,]+$")], ...] = ("default",)
    """Worker queues of the Astro Deployment that these Pods serve."""
    replicas: Annotated[int, Field(ge=0)] = 1
    """Pods, without autoscaling."""
    slots: Annotated[int, Field(ge=1)] | None = None
    """Concurrent tasks per Pod (the chart's syncSlots)."""
    autoscaling: Autoscaling | None = None
    """Autoscaling by queue length."""
    termination_grace_period_seconds: Seconds = CHART_WORKER_GRACE
    """Seconds that running tasks have to finish when a Pod stops."""
    kubernetes_pod_operator: bool = False
    """Allow tasks to start Pods (chart 2.x: canUseKubernetesPodOperator)."""
    image: ImageReference | None = None
    """Image of this worker only; by default the stack's."""


class Triggerer(Component):
    """The triggerer Deployment."""

    replicas: Annotated[int, Field(ge=0)] = 1
    """Pods."""
    slots: Annotated[int, Field(ge=1)] | None = None
    """Concurrent triggers per Pod (the chart's asyncSlots)."""


class Sentinel(Component):
    """The sentinel Deployment (chart 2.x)."""

    enabled: bool = True
    """Whether it runs."""
    image: ImageReference | None = None
    """Its image; by default the chart's."""


class Ids(Section):
    """Identity of the Astro Deployment, as the Astro UI shows it under Remote Agents > Register."""

    organization: str
    """ASTRO_ORGANIZATION_ID."""
    workspace: str
    """ASTRO_WORKSPACE_ID."""
    deployment: str
    """ASTRO_DEPLOYMENT_ID."""
    deployment_namespace: str
    """ASTRO_DEPLOYMENT_NAMESPACE, of the form adjective-noun-1234."""


class OpenLineage(Section):
    """Lineage events to Astro Observe."""

    enabled: bool = False
    """Whether agents send them."""
    namespace: str | None = None
    """Lineage namespace; by default the Deployment's."""
    url: HttpUrl = "https://o11y.astronomer.io"
    """Receiver."""
    api_key_secret: DnsSubdomain | None = None
    """Existing Secret with the key `api-key`; by default created from the secret key openLineageApiKey."""


class Agent(Environment):
    """The agents' release: where it is installed, what it runs, and its size."""

    cluster: TargetCluster = TargetCluster()
    """The Kubernetes cluster."""
    namespace: DnsLabel
    """Kubernetes namespace of the agents."""
    create_namespace: bool = True
    """False if the namespace is not managed by this stack."""
    protect: bool = False
    """Refuse to delete the namespace and the Secrets, even with `pulumi destroy`."""
    pod_security: Literal["privileged", "baseline", "restricted"] | None = None
    """Pod security standard to enforce; restricted also sets read-only root file systems and adds writable volumes."""
    release: DnsLabel = DEFAULT_NAME
    """Name of the Helm release."""
    release_namespace: DnsLabel | None = None
    """Namespace in which Helm keeps the release, if it was installed there by hand (`helm list`); by default that of the agents."""
    prefix: DnsLabel = DEFAULT_NAME
    """Prefix of every object of the chart (resourceNamePrefix) and of the Secrets that this stack creates."""
    api_url: HttpUrl
    """URL of the Deployment API, https://<clusterId>.external.astronomer.run/d<id>."""
    ids: Ids
    """Identity of the Astro Deployment."""
    chart: Chart
    """The Helm chart."""
    image: ImageReference | None = None
    """git-submodule: a ready image that contains dbt and Cosmos, instead of one that is built (`image`)."""
    workers: Annotated[tuple[Worker, ...], Field(min_length=1)] = (Worker(name="default-worker"),)
    """Worker Deployments."""
    dag_processor: Component = Component()
    """The Dag processor."""
    triggerer: Triggerer = Triggerer()
    """The triggerer."""
    sentinel: Sentinel = Sentinel()
    """The sentinel (chart 2.x)."""
    disruption_budgets: DisruptionBudgets = DisruptionBudgets()
    """How many Pods may be away while nodes are drained."""
    secrets_backend: SecretsBackend | None = None
    """Secrets backend; by default the chart's."""
    xcom: Xcom | None = None
    """XCom store; by default the chart's."""
    state_store: StateStore | None = None
    """State store of tasks and assets (chart 2.3.0 or later; Airflow 3.3 needs it)."""
    logs: Logs | None = None
    """Where task logs go; without it they are lost with their Pod."""
    open_lineage: OpenLineage = OpenLineage()
    """OpenLineage."""
    identity: Identity | None = None
    """Cloud identity of workers, Dag processor and triggerer."""
    agent_token_secret: DnsSubdomain | None = None
    """Existing Secret with the key `token`; by default created from the secret key agentToken."""
    image_pull_secret: DnsSubdomain | None = None
    """Existing Secret with the key `.dockerconfigjson`; by default created from pullRegistry (or registry) and baseRegistry."""
    sentinel_auth_secret: DnsSubdomain | None = None
    """Existing Secret with the key `secret`; by default created from the secret key sentinelAuth, or at random."""
    timeout: Seconds | None = None
    """Seconds that Helm waits; by default the longest grace period of the workers plus five minutes."""
    history: Annotated[int, Field(ge=2)] = 10
    """Revisions that Helm keeps."""
    values: dict[str, Any] = {}
    """Other values of the chart; may not contradict the typed settings."""
    values_files: tuple[str, ...] = ()
    """YAML files with other values (relative to Pulumi.yaml); later files win, and `values` overrides all of them."""
    unknown_values: dict[str, Reason] = {}
    """Keys of `values` that the chart's package does not show but that are sent anyway, each with the reason."""
    env_order: tuple[EnvName, ...] = ()
    """Variables in the order that the Pods have them, when it is not this program's; those it does not name come last."""
    withheld: dict[str, Reason] = {}
    """Values that this program would add and does not, each with the reason: an adopted release keeps its Pods (docs/adoption.md)."""

    @property
    def helm_namespace(self) -> str:
        """Namespace of Helm's records."""
        return self.release_namespace or self.namespace

    @model_validator(mode="after")
    def _workers_differ(self) -> Agent:
        names = [worker.name for worker in self.workers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"has two workers called {twice[0]}; give every worker a different name")
        served: dict[str, str] = {}
        for worker in self.workers:
            for queue in worker.queues:
                if queue in served:
                    raise ValueError(
                        f"assigns the queue {queue} to the workers {served[queue]} and {worker.name}; "
                        "list every queue under one worker and scale that one"
                    )
                served[queue] = worker.name
        return self

    @property
    def components(self) -> dict[str, Component]:
        """Components other than the workers, by their key in the chart."""
        return {
            "dagProcessor": self.dag_processor,
            "triggerer": self.triggerer,
            "sentinel": self.sentinel,
        }

    @property
    def budgets(self) -> dict[str, DisruptionBudget]:
        """Disruption budgets of the stack, by their key in the chart."""
        found = {
            "workers": self.disruption_budgets.workers,
            "dagProcessor": self.disruption_budgets.dag_processor,
            "triggerer": self.disruption_budgets.triggerer,
        }
        return {kind: budget for kind, budget in found.items() if budget is not None}

    @property
    def longest_grace_period(self) -> int:
        """Longest time in seconds that a worker Pod may take to stop."""
        return max(worker.termination_grace_period_seconds for worker in self.workers)

    @property
    def helm_timeout(self) -> int:
        """Seconds that Helm waits for a change to finish."""
        return self.timeout if self.timeout is not None else self.longest_grace_period + 300

    @property
    def longest_change(self) -> int:
        """Seconds after which Helm has ended, whatever happens: it waits for the change, and again for the rollback if that fails."""
        return 2 * self.helm_timeout + 60
