"""Looks at the chart: its repository, its version, its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clients.charts import ChartPackage, MissingChartError, fetch_chart, reference
from clients.errors import Cause
from clients.http import WebError
from clients.registry import RegistryError
from delivery.chart_values import chart_values
from domain.chart import SecretNames, with_secret_names
from domain.kubernetes_range import admits
from domain.merge import Path, empties, render
from preflight.catalogue.chart_checks import CHART_VALUES
from preflight.cluster import cluster_version
from preflight.connection import registry_login
from preflight.words import near
from preflight.world import World
from settings.agent import Agent, Component
from settings.chart_keys import KNOWN, NEWEST_GENERATION, Tree, UnknownValue, unknown_values
from settings.stack import Settings

_COMPONENTS = {"dagProcessor": "dag_processor", "triggerer": "triggerer", "sentinel": "sentinel"}
_REACH = {
    Cause.TIMEOUT: "timeout",
    Cause.UNAUTHORISED: "refused",
    Cause.INVALID: "invalid",
}
"""Cause -> case of chart.reach; every other one means that the repository cannot be reached."""
_PLACEHOLDER = "preflight"
"""Stands for names that only the components know."""


def look(world: World) -> None:
    """Look at the chart repository, and at the chart of the pinned version in it."""
    chart = world.settings.agent.chart
    if chart.release[0] > NEWEST_GENERATION and world.levels.looks("chart.version"):
        world.found("chart.version", "newer", at="agent.chart.version", version=chart.version)
    package = _package(world)
    unknown = list(unknown_values(world.settings.agent))
    if package is None:
        _undecided(world, unknown)
        return
    _kubernetes(world, package)
    if not world.levels.looks("chart.values"):
        return
    values = complete_values(world)
    lacking = dict(_lacking(world.settings.agent, package))
    for at, path in lacking.items():
        world.report(CHART_VALUES.unsupported(at, value=render(path), version=chart.version))
    refused = {path: why for path, why in package.refusals(values) if path not in lacking.values()}
    for path, detail in refused.items():
        facts = {"path": render(path), "version": chart.version, "detail": detail}
        world.found("chart.values", "refused", at=key_of(world.settings, path), **facts)
    _unknown(world, package, [value for value in unknown if value.path not in refused])
    _empty(world, package)
    if package.schema is None:
        settled = {value.path for value in unknown}
        for path, known in ignored(values, package):
            if path in settled or path in lacking.values():
                continue
            remedy = near(str(path[-1]), known, none="a value that it knows")
            facts = {"path": render(path), "version": chart.version, "near": remedy}
            world.found("chart.values", "ignored", at=key_of(world.settings, path), **facts)


def _lacking(agent: Agent, package: ChartPackage) -> Iterator[tuple[str, Path]]:
    """(stack key, path) of every typed setting that only some charts have a value for."""
    components: list[tuple[str, Component, Path]] = [
        (f"agent.workers[{index}]", worker, ("workers", index)) for index, worker in enumerate(agent.workers)
    ]
    components += [(f"agent.{name}", component, (name,)) for name, component in agent.components.items()]
    for at, component, above in components:
        path = (*above, "priorityClassName")
        if component.priority_class is not None and not package.knows(path):
            yield f"{at}.priorityClass", path


def _undecided(world: World, unknown: list[UnknownValue]) -> None:
    """The package is out of reach, so the table of known keys has to do."""
    if not world.levels.looks("chart.values"):
        return
    for value in unknown:
        if value.reason is None:
            remedy = near(value.name, value.known, none="a value that it knows")
            world.found("chart.values", "undecided", at=value.key, near=remedy, escape=value.escape)
        else:
            world.found("chart.values", "declared", at=value.key, reason=value.reason)


def _unknown(world: World, package: ChartPackage, unknown: list[UnknownValue]) -> None:
    """Judge the keys that the table does not know by the package of the pinned version."""
    version = world.settings.agent.chart.version
    for value in unknown:
        if value.reason is not None:
            world.found("chart.values", "declared", at=value.key, reason=value.reason)
        elif not package.knows(value.path):
            remedy = near(value.name, value.known, none="a value that it knows")
            facts = {"version": version, "near": remedy, "escape": value.escape}
            world.found("chart.values", "unknown", at=value.key, **facts)


def _empty(world: World, package: ChartPackage) -> None:
    """Nulls and empty lists that are meant to remove a default of the chart, which they cannot."""
    agent = world.settings.agent
    for at, values, above in (
        ("agent.values", agent.values, ()),
        *((f"agent.{name}.values", item.values, (name,)) for name, item in agent.components.items()),
    ):
        for path in empties(values):
            if package.default_of((*above, *path)) not in (None, []):
                world.found("chart.values", "empty", at=f"{at}.{render(path)}")


def _package(world: World) -> ChartPackage | None:
    chart = world.settings.agent.chart
    facts = {"url": chart.repository, "name": chart.name, "version": chart.version}
    try:
        address = chart.address
        login = registry_login(world.settings, reference(address).server) if address.in_registry else None
        return fetch_chart(address, login=login, timeout=world.timeout)
    except MissingChartError as error:
        no_chart = error.cause is Cause.NOT_FOUND
        at, asked = ("agent.chart.name", chart.name) if no_chart else ("agent.chart.version", chart.version)
        remedy = near(asked, error.known, none="one that exists")
        world.found("chart.version", "no-chart" if no_chart else "missing", at=at, near=remedy, **facts)
    except WebError as error:
        seconds = f"{world.timeout:.0f}"
        at = "agent.chart.repository"
        case = _REACH.get(error.cause, "unreachable")
        world.found("chart.reach", case, at=at, detail=error, seconds=seconds, **facts)
    except RegistryError as error:
        world.found("chart.reach", "refused", at="agent.chart.repository", detail=error, **facts)
    return None


def _kubernetes(world: World, package: ChartPackage) -> None:
    wanted = package.metadata.get("kubeVersion")
    if not isinstance(wanted, str) or not world.levels.looks("chart.kubernetes"):
        return
    found = cluster_version(world)
    if found is not None and admits(wanted, found) is False:
        version = world.settings.agent.chart.version
        facts = {"version": version, "wanted": wanted, "found": found}
        world.found("chart.kubernetes", "refused", at="agent.chart.version", **facts)


def complete_values(world: World) -> dict[str, Any]:
    """The release's values, with placeholders for what only exists once the components have run."""
    settings = world.settings
    agent = settings.agent
    image: str | None = agent.image
    if world.plan.runtime is not None:
        image = f"{world.plan.runtime.repository}@sha256:{'0' * 64}"
    values = chart_values(settings, world.plan, image=image)
    names = SecretNames(
        image_pull=agent.image_pull_secret or _PLACEHOLDER,
        agent_token=agent.agent_token_secret or (_PLACEHOLDER if settings.agent_token else None),
        sentinel_auth=agent.sentinel_auth_secret or _PLACEHOLDER,
        open_lineage=agent.open_lineage.api_key_secret
        or (_PLACEHOLDER if settings.open_lineage_api_key else None),
    )
    return with_secret_names(values, names, version=agent.chart.version)


def ignored(values: Mapping[str, Any], package: ChartPackage) -> Iterator[tuple[Path, list[str]]]:
    """(path, keys known beside it) of every value whose key stands nowhere in the chart's templates and defaults.

    Only places with a fixed set of keys are judged: what lies in labels, resources and the like is free.
    """
    yield from _ignored(values, KNOWN, package, package.values, ())


def _ignored(
    values: Mapping[str, Any], tree: Tree, package: ChartPackage, defaults: Any, path: Path
) -> Iterator[tuple[Path, list[str]]]:
    known = sorted(defaults) if isinstance(defaults, Mapping) else []
    for key, value in values.items():
        here = (*path, key)
        if key not in package.words:
            yield here, [str(item) for item in known]
            continue
        below, default = tree.get(key), defaults.get(key) if isinstance(defaults, Mapping) else None
        if isinstance(below, dict) and isinstance(value, Mapping):
            yield from _ignored(value, below, package, default, here)
        elif isinstance(below, list) and isinstance(value, list):
            first = default[0] if isinstance(default, list) and default else None
            for index, item in enumerate(value):
                if isinstance(item, Mapping):
                    yield from _ignored(item, below[0], package, first, (*here, index))


def key_of(settings: Settings, path: Path) -> str:
    """The stack key that a value comes from; the chart's version for one that the program makes."""
    agent = settings.agent
    first = path[0] if path else None
    if first == "workers" and len(path) > 1 and isinstance(path[1], int) and path[1] < len(agent.workers):
        worker = agent.workers[path[1]]
        own = len(path) > 2 and path[2] in worker.values
        return f"agent.workers[{path[1]}]" + (f".values.{render(path[2:])}" if own else "")
    if first in _COMPONENTS:
        component = getattr(agent, _COMPONENTS[str(first)])
        if len(path) > 1 and path[1] in component.values:
            return f"agent.{first}.values.{render(path[1:])}"
    if first in agent.values:
        return f"agent.values.{render(path)}"
    return f"agent.{first}" if first in _COMPONENTS else "agent.chart.version"
