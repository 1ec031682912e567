"""What the vendor asks of agents and a stack lacks, judged by the settings alone: logs, stores, and the packages of the stores.

Sources: docs pages remote-execution-logging-overview, remote-execution-configure-secrets-backend,
remote-execution-configure-xcom-backend and agent-release-notes (1.8.0: the state store).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from delivery.identity import accounts
from delivery.stores import NeededPackage, bundle_packages, needed_packages
from domain.image_reference import astro_tag
from domain.requirements import distribution, pinned
from preflight.catalogue.agent_checks import (
    AGENT_IDENTITY,
    AGENT_LOGS,
    AGENT_PACKAGES,
    AGENT_SCALING,
    AGENT_STORES,
)
from preflight.context import Context
from preflight.image_contents import KnownImage
from preflight.report import Finding
from settings.agent import Agent, Worker
from settings.stack import Settings

STATE_STORE_SINCE = (3, 3)
"""First Airflow (and Astro Runtime) whose agents keep the state of tasks."""


def find(context: Context) -> Iterator[Finding]:
    """What agents need beyond what their chart insists on."""
    settings = context.settings
    yield from _logs(settings)
    yield from _stores(settings)
    yield from _associations(settings.agent)
    yield from _scaling(settings.agent)
    if context.levels.enabled("agent.packages"):
        for needed in (*needed_packages(settings.agent), *bundle_packages(settings.dags)):
            for image in context.images().known:
                yield from _package(needed, image)


def _logs(settings: Settings) -> Iterator[Finding]:
    agent = settings.agent
    sidecar = agent.values.get("loggingSidecar")
    raw = isinstance(sidecar, Mapping) and sidecar.get("enabled") is True
    if agent.logs is None and not raw and "AIRFLOW__LOGGING__REMOTE_LOGGING" not in agent.env:
        yield AGENT_LOGS.lost("agent.logs")


def _stores(settings: Settings) -> Iterator[Finding]:
    agent = settings.agent
    if agent.secrets_backend is None:
        yield AGENT_STORES.secrets_backend("agent.secretsBackend")
    if agent.xcom is None:
        yield AGENT_STORES.xcom("agent.xcom")
    base = settings.image.base if settings.image else agent.image
    tag = astro_tag(base) if base else None
    if base is None or tag is None:
        return
    runtime = tag["runtime"].partition("-")[0]
    keeps_state = tuple(map(int, runtime.split("."))) >= STATE_STORE_SINCE
    if keeps_state and agent.state_store is None:
        yield AGENT_STORES.state_store("agent.stateStore", reference=base, runtime=tag["runtime"])
    elif agent.state_store is not None and not keeps_state:
        yield AGENT_STORES.too_early("agent.stateStore", reference=base, runtime=tag["runtime"])


def _associations(agent: Agent) -> Iterator[Finding]:
    """EKS Pod Identity is set up in EKS, and nothing in the cluster tells whether it is."""
    for account in accounts(agent):
        aws = account.identity.aws
        if aws is not None and aws.by == "pod-identity":
            command = (
                f"aws eks create-pod-identity-association --cluster-name <cluster> --namespace {agent.namespace} "
                f"--service-account {account.name} --role-arn {aws.role_arn}"
            )
            yield AGENT_IDENTITY.association(account.at, account=account.name, command=command)


def _scaling(agent: Agent) -> Iterator[Finding]:
    for index, worker in enumerate(agent.workers):
        if worker.autoscaling is None:
            continue
        at = f"agent.workers[{index}]"
        if "replicas" in worker.model_fields_set:
            yield AGENT_SCALING.replicas(f"{at}.replicas", replicas=worker.replicas, at=f"{at}.autoscaling")
        if worker.autoscaling.keda:
            yield AGENT_SCALING.reset(
                f"{at}.autoscaling.keda", replicas=max(1, worker.autoscaling.min_replicas)
            )
    pods = {
        "workers": sum(map(_fewest, agent.workers)),
        "dagProcessor": 1,
        "triggerer": agent.triggerer.replicas,
    }
    for kind, budget in agent.budgets.items():
        stays = budget.min_available is not None and budget.min_available >= pods[kind]
        if stays or budget.max_unavailable == 0:
            yield AGENT_SCALING.blocks(f"agent.disruptionBudgets.{kind}", pods=pods[kind])


def _fewest(worker: Worker) -> int:
    return worker.autoscaling.min_replicas if worker.autoscaling else worker.replicas


def _package(needed: NeededPackage, image: KnownImage) -> Iterator[Finding]:
    packages = image.contents.packages
    name, where, base = needed.package, image.packages_at, image.contents.base
    if needed.package not in map(distribution, packages):
        yield AGENT_PACKAGES.missing(needed.at, package=name, where=where, base=base)
        return
    found = pinned(packages, needed.package)
    if needed.since and found and found < needed.since:
        found_text, since = (".".join(map(str, version)) for version in (found, needed.since))
        yield AGENT_PACKAGES.old(needed.at, package=name, since=since, where=where, found=found_text)
