"""The chart: its repository, its version, its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clients.charts import ChartPackage
from delivery.chart_values import chart_values
from delivery.mirror import base_of
from delivery.withheld import SENTINEL_AUTH
from domain.chart import SecretNames, with_secret_names
from domain.image_reference import astro_tag
from domain.kubernetes_range import admits
from domain.merge import Path, empties, render
from domain.suggestions import near
from preflight.catalogue.chart_checks import CHART_KUBERNETES, CHART_VALUES, CHART_VERSION
from preflight.catalogue.image_checks import IMAGE_SENTINEL
from preflight.context import Context
from preflight.report import Finding
from settings.agent import Agent, Component
from settings.chart_keys import KNOWN, NEWEST_GENERATION, Tree, UnknownValue, unknown_values
from settings.stack import Settings

_COMPONENTS = {"dagProcessor": "dag_processor", "triggerer": "triggerer", "sentinel": "sentinel"}
_PLACEHOLDER = "preflight"
"""Stands for names that only the components know."""
_NO_VALUE = "a value that it knows"
"""What to write where no known value has a similar name."""


def find(context: Context) -> Iterator[Finding]:
    """The chart repository, and the chart of the pinned version in it."""
    chart = context.settings.agent.chart
    if chart.release[0] > NEWEST_GENERATION and context.levels.enabled("chart.version"):
        yield CHART_VERSION.newer("agent.chart.version", version=chart.version)
    package = context.chart()
    unknown = list(unknown_values(context.settings.agent))
    if isinstance(package, Finding):
        yield package
        if context.levels.enabled("chart.values"):
            yield from _undecided(unknown)
        return
    yield from _kubernetes(context, package)
    yield from _sentinel(context.settings, package)
    if context.levels.enabled("chart.values"):
        yield from _values(context, package, unknown)


def _sentinel(settings: Settings, package: ChartPackage) -> Iterator[Finding]:
    """The chart's own sentinel, where nothing names another one."""
    agent = settings.agent
    _, base = base_of(settings)
    wanted = astro_tag(base) if base else None
    image = package.default_of(("sentinel", "image"))
    raw = agent.sentinel.values.get("image") or agent.values.get("sentinel")
    named = agent.sentinel.image or raw or (settings.mirror and settings.mirror.sentinel)
    if not base or wanted is None or named or not agent.sentinel.enabled or not isinstance(image, str):
        return
    found = image.rpartition("/")[2].partition(":")[2]
    if found and found != wanted["agent"]:
        yield IMAGE_SENTINEL.default(
            "agent.sentinel.image",
            found=found,
            agent=wanted["agent"],
            reference=base,
            version=agent.chart.version,
        )


def _values(context: Context, package: ChartPackage, unknown: list[UnknownValue]) -> Iterator[Finding]:
    settings, version = context.settings, context.settings.agent.chart.version
    values = complete_values(context)
    lacking = dict(_lacking(settings.agent, package))
    for at, path in lacking.items():
        yield CHART_VALUES.unsupported(at, value=render(path), version=version)
    refused = {path: why for path, why in package.refusals(values) if path not in lacking.values()}
    for path, detail in refused.items():
        yield CHART_VALUES.refused(key_of(settings, path), path=render(path), version=version, detail=detail)
    yield from _unknown(version, package, [value for value in unknown if value.path not in refused])
    yield from _empty(settings, package)
    for path, known in ignored_below(values, package):
        remedy = near(str(path[-1]), known, none=_NO_VALUE)
        yield CHART_VALUES.ignored(key_of(settings, path), path=render(path), version=version, near=remedy)
    if package.schema is not None:
        return  # the schema decides which keys there are
    settled = {value.path for value in unknown} | {*lacking.values()}
    for path, known in ignored(values, package):
        if path not in settled:
            remedy = near(str(path[-1]), known, none=_NO_VALUE)
            yield CHART_VALUES.ignored(
                key_of(settings, path), path=render(path), version=version, near=remedy
            )


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


def _undecided(unknown: list[UnknownValue]) -> Iterator[Finding]:
    """The package is out of reach, so the table of known keys decides."""
    for value in unknown:
        if value.reason is not None:
            yield CHART_VALUES.declared(value.key, reason=value.reason)
        else:
            remedy = near(value.name, value.known, none=_NO_VALUE)
            yield CHART_VALUES.undecided(value.key, near=remedy, escape=value.escape)


def _unknown(version: str, package: ChartPackage, unknown: list[UnknownValue]) -> Iterator[Finding]:
    """Keys that the table does not know, judged by the package of the pinned version."""
    for value in unknown:
        if value.reason is not None:
            yield CHART_VALUES.declared(value.key, reason=value.reason)
        elif not package.knows(value.path):
            remedy = near(value.name, value.known, none=_NO_VALUE)
            yield CHART_VALUES.unknown(value.key, version=version, near=remedy, escape=value.escape)


def _empty(settings: Settings, package: ChartPackage) -> Iterator[Finding]:
    """Nulls and empty lists that are meant to remove a default of the chart, which they cannot."""
    agent = settings.agent
    for at, values, above in (
        ("agent.values", agent.values, ()),
        *((f"agent.{name}.values", item.values, (name,)) for name, item in agent.components.items()),
    ):
        for path in empties(values):
            if package.default_of((*above, *path)) not in (None, []):
                yield CHART_VALUES.empty(f"{at}.{render(path)}")


def _kubernetes(context: Context, package: ChartPackage) -> Iterator[Finding]:
    wanted = package.metadata.get("kubeVersion")
    if not isinstance(wanted, str) or not context.levels.enabled("chart.kubernetes"):
        return
    found = context.cluster.known_version()
    if found is not None and admits(wanted, found) is False:
        version = context.settings.agent.chart.version
        yield CHART_KUBERNETES.refused("agent.chart.version", version=version, wanted=wanted, found=found)


def complete_values(context: Context) -> dict[str, Any]:
    """The release's values; without a preview's, placeholders stand for what exists only after the components have run."""
    if context.values is not None:
        return dict(context.values)
    settings = context.settings
    agent = settings.agent
    image: str | None = agent.image
    if context.plan.runtime is not None:
        image = f"{context.plan.runtime.repository}@sha256:{'0' * 64}"
    values = chart_values(settings, context.plan, image=image)
    names = SecretNames(
        image_pull=agent.image_pull_secret or _PLACEHOLDER,
        agent_token=agent.agent_token_secret or (_PLACEHOLDER if settings.agent_token else None),
        sentinel_auth=None if SENTINEL_AUTH in agent.withheld else agent.sentinel_auth_secret or _PLACEHOLDER,
        open_lineage=agent.open_lineage.api_key_secret
        or (_PLACEHOLDER if settings.open_lineage_api_key else None),
    )
    return with_secret_names(values, names, version=agent.chart.version)


def ignored(values: Mapping[str, Any], package: ChartPackage) -> Iterator[tuple[Path, list[str]]]:
    """(path, keys known next to it) of every value whose key appears nowhere in the chart's templates and defaults.

    Only mappings with a fixed set of keys are judged: labels, resources and the like may have any.
    """
    yield from _ignored(values, KNOWN, package, package.values, ())


def ignored_below(values: Mapping[str, Any], package: ChartPackage) -> Iterator[tuple[Path, list[str]]]:
    """The same for the values of charts within the chart that have no schema."""
    for name, subchart in package.subcharts.items():
        given = values.get(name)
        if subchart.schema is not None or not isinstance(given, Mapping):
            continue
        for key in given:
            path = (name, str(key))
            if key != "global" and key not in subchart.words and not package.knows(path):
                yield path, [str(item) for item in subchart.values]


def _ignored(
    values: Mapping[str, Any], tree: Tree, package: ChartPackage, defaults: Any, path: Path
) -> Iterator[tuple[Path, list[str]]]:
    known = sorted(defaults) if isinstance(defaults, Mapping) else []
    for key, value in values.items():
        here = (*path, key)
        if key not in package.words and key not in package.subcharts:
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
    """The stack key that a value comes from; the chart's version for one that the program computes."""
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
