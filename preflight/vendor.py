"""What the vendor asks of agents and a stack lacks, judged by the settings alone: logs, stores, and the packages of the stores.

Sources: docs pages remote-execution-logging-overview, remote-execution-configure-secrets-backend,
remote-execution-configure-xcom-backend and agent-release-notes (1.8.0: the state store).
"""

from __future__ import annotations

from collections.abc import Mapping

from delivery.stores import NeededPackage, needed_packages
from domain.image_reference import astro_tag
from domain.requirements import distribution, pinned
from preflight.image_contents import KnownImage, known_images
from preflight.world import World

STATE_STORE_SINCE = (3, 3)
"""First Airflow (and Astro Runtime) whose agents keep the state of tasks."""


def look(world: World) -> None:
    """Check what agents need beyond what their chart insists on."""
    _logs(world)
    _stores(world)
    if world.levels.looks("agent.packages"):
        for needed in needed_packages(world.settings.agent):
            for image in known_images(world):
                _package(world, needed, image)


def _logs(world: World) -> None:
    agent = world.settings.agent
    sidecar = agent.values.get("loggingSidecar")
    raw = isinstance(sidecar, Mapping) and sidecar.get("enabled") is True
    if agent.logs is None and not raw and "AIRFLOW__LOGGING__REMOTE_LOGGING" not in agent.env:
        world.found("agent.logs", "lost", at="agent.logs")


def _stores(world: World) -> None:
    agent = world.settings.agent
    if agent.secrets_backend is None:
        world.found("agent.stores", "secrets-backend", at="agent.secretsBackend")
    if agent.xcom is None:
        world.found("agent.stores", "xcom", at="agent.xcom")
    base = world.settings.image.base if world.settings.image else agent.image
    tag = astro_tag(base) if base else None
    if tag is None:
        return
    runtime = tag["runtime"].partition("-")[0]
    keeps_state = tuple(map(int, runtime.split("."))) >= STATE_STORE_SINCE
    facts = {"reference": base, "runtime": tag["runtime"]}
    if keeps_state and agent.state_store is None:
        world.found("agent.stores", "state-store", at="agent.stateStore", **facts)
    elif agent.state_store is not None and not keeps_state:
        world.found("agent.stores", "too-early", at="agent.stateStore", **facts)


def _package(world: World, needed: NeededPackage, image: KnownImage) -> None:
    packages = image.contents.packages
    facts = {"package": needed.package, "where": image.packages_at, "base": image.contents.base}
    if needed.package not in map(distribution, packages):
        world.found("agent.packages", "missing", at=needed.at, **facts)
        return
    found = pinned(packages, needed.package)
    if needed.since and found and found < needed.since:
        found_text, since = (".".join(map(str, version)) for version in (found, needed.since))
        world.found("agent.packages", "old", at=needed.at, found=found_text, since=since, **facts)
