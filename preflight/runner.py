"""All probes of one preview or update."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from delivery.plan import Plan
from domain.redaction import redact
from preflight import (
    adoption_probe,
    chart_probe,
    cluster_probe,
    dags_probe,
    dbt_probe,
    engine_probe,
    git_probe,
    image_probe,
    rendering_probe,
    vendor_probe,
)
from preflight.catalogue import CHECKS
from preflight.catalogue.preflight_checks import PREFLIGHT_TIME
from preflight.context import Context
from preflight.parallel import Outcome, Task, gather
from preflight.report import BundleFacts, Finding, Found, ImageFacts, ProjectSource, ReleaseObjects, Report
from settings.secret_texts import secret_texts
from settings.stack import Settings

STEPS = 5
"""Most time limits that a probe may take one after another, which bounds the whole run."""


@dataclass(frozen=True)
class Probe:
    """One part of the surroundings to check, independent of the others."""

    subject: str
    """What it checks, for people."""
    checks: tuple[str, ...]
    """Checks or families that it serves; it does not run when all of them are off."""
    find: Callable[[Context], Iterable[Found]]
    """Yields findings and facts; changes nothing."""
    wanted: Callable[[Settings], bool] = lambda _: True
    """Whether the stack needs it."""

    @property
    def blamed(self) -> str:
        """The check or family whose level a failure of the probe has."""
        return self.checks[0] if len(self.checks) == 1 else self.checks[0].split(".")[0]


_IMAGE = tuple(check for check in CHECKS if check.startswith("image.") and check != "image.engine")
"""Checks of images, which need no Docker engine."""

PROBES: tuple[Probe, ...] = (
    Probe("the Git repositories", ("git", "dbt"), git_probe.find),
    Probe(
        "the dbt sources of the image",
        ("git", "dbt"),
        dbt_probe.find,
        lambda settings: settings.delivery == "agent-image",
    ),
    Probe(
        "the Dags of the image",
        ("git",),
        dags_probe.find,
        lambda settings: bool(settings.baked_bundles),
    ),
    Probe("the cluster", ("cluster",), cluster_probe.find),
    Probe(
        "the adopted release",
        ("cluster.adopted",),
        adoption_probe.find,
        adoption_probe.is_adopted,
    ),
    Probe("the chart", ("chart",), chart_probe.find),
    Probe("the rendered objects", ("chart.render", "cluster.objects"), rendering_probe.find),
    Probe("the images", _IMAGE, image_probe.find),
    Probe("what agents need", ("agent",), vendor_probe.find),
    Probe(
        "the Docker engine",
        ("image.engine",),
        engine_probe.find,
        lambda settings: settings.image is not None,
    ),
)


def run(
    settings: Settings,
    plan: Plan,
    *,
    project: str,
    root: Path,
    stack: str | None = None,
    values: Mapping[str, Any] | None = None,
    preview: bool = False,
    probes: Sequence[Probe] = PROBES,
) -> Report:
    """Check everything that this stack needs and report what would fail later, without changing anything.

    ``project`` and ``stack`` are Pulumi's names: the first begins every key, both mark what belongs to this stack. ``root`` is
    the folder that relative paths of the settings start from; ``values`` are the chart's final ones where a preview has computed
    them. In a ``preview`` the cluster's account may be one that can only read. Each request ends after ``settings.preflight.timeout`` seconds,
    the whole run after STEPS times that. With every check off there is no network call. Nothing is raised for what is found:
    the report says it.
    """
    context = Context.of(
        settings, plan, project=project, stack=stack, root=root, values=values, preview=preview
    )
    probes = [probe for probe in probes if probe.wanted(settings) and context.levels.enabled(*probe.checks)]
    tasks = [Task(probe.subject, partial(probe.find, context)) for probe in probes]
    outcomes = gather(tasks, seconds=STEPS * context.timeout)
    publish = _Publication(context)
    findings = {*publish.all(context.levels.findings())}
    sources: dict[str, ProjectSource] = {}
    bundles: dict[str, BundleFacts] = {}
    image: ImageFacts | None = None
    objects: ReleaseObjects | None = None
    for probe, outcome in zip(probes, outcomes, strict=True):
        findings |= {*publish.all(item for item in outcome.results if isinstance(item, Finding))}
        findings |= {*publish.all(_failure(probe, outcome), under=probe.blamed)}
        sources |= {item.project: item for item in outcome.results if isinstance(item, ProjectSource)}
        bundles |= {item.bundle: item for item in outcome.results if isinstance(item, BundleFacts)}
        image = next((item for item in outcome.results if isinstance(item, ImageFacts)), image)
        objects = next((item for item in outcome.results if isinstance(item, ReleaseObjects)), objects)
    return Report(
        tuple(sorted(findings, key=lambda finding: finding.order)),
        {name: sources[name].facts for name in sorted(sources)},
        {name: bundles[name] for name in sorted(bundles)},
        image,
        objects,
    )


def _failure(probe: Probe, outcome: Outcome[Found]) -> Iterator[Finding]:
    """What kept a probe from checking everything."""
    if not outcome.finished:
        yield PREFLIGHT_TIME.unfinished("preflight.timeout", subject=probe.subject)
    elif outcome.error is not None:
        detail = f"{type(outcome.error).__name__}: {outcome.error}"
        at = f"preflight.checks.{probe.blamed}"
        yield PREFLIGHT_TIME.broken(at, check=probe.blamed, subject=probe.subject, detail=detail)


class _Publication:
    """What becomes of a finding before people see it: prefix, level, and no secrets."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._secrets = tuple(secret_texts(context.settings))

    def all(self, findings: Iterable[Finding], *, under: str | None = None) -> Iterator[Finding]:
        """The findings as they are published; ``under`` lends the level of another check or family."""
        for finding in findings:
            text = " ".join(redact(finding.message, self._secrets).split())
            published = replace(finding, key=f"{self._context.project}:{finding.key}", message=text)
            levelled = self._context.levels.apply(published, under=under)
            if levelled is not None:
                yield levelled
