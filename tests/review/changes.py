"""Reports on a change of a stack's settings, from the values that the program really makes of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import delivery
from delivery.chart_values import chart_values
from delivery.plan import Plan
from delivery.recipe import recipe_settings
from domain.names import IMAGE_TYPE
from preflight import Report
from preflight.report import BundleFacts, ProjectFacts
from program import wiring
from review import Facts, Review, build, parse
from settings.stack import Settings
from tests.review.previews import digest, release, step
from tests.support.stacks import settings_of, stack

BUILT, REBUILT = (f"registry.example.com/data/client@sha256:{digit * 64}" for digit in "12")

DAGS = stack()["dags"] | {"name": "dags"}
JAFFLE = {key: value for key, value in stack()["dbtProjects"][0].items() if key != "source"}
CHURN = {
    **JAFFLE,
    "name": "churn",
    "path": "dags/dbt/churn",
    "repo": "https://git.example.com/analytics/churn.git",
}


def plan_of(settings: Settings, authorities: Mapping[str, str] | None = None) -> Plan:
    return delivery.plan(settings, authorities=authorities or {})


def values(settings: Settings, authorities: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Values of the chart."""
    image = settings.agent.image or BUILT
    return chart_values(settings, plan_of(settings, authorities), image=image)


def read(settings: Settings, *, bundle: str = "1", project: str = "2") -> Report:
    """What preflight reads of every repository; commits by their digit."""
    projects = {
        item.name: ProjectFacts(item.repo, project * 40, 0, item.name) if not item.source else
        ProjectFacts(None, None, None, item.name)
        for item in settings.dbt_projects
    }  # fmt: skip
    bundles = {item.name: BundleFacts(item.name, bundle * 40, 1, 1) for item in settings.git_bundles}
    return Report(projects=projects, bundles=bundles)


def outputs(settings: Settings, report: Report) -> dict[str, Any]:
    plan = plan_of(settings)
    found = {
        "delivery": plan.option,
        "dbtProjects": wiring.project_outputs(plan, report),
        "dagBundles": wiring.bundle_outputs(settings, plan, report),
    }
    return found | ({"imageRecipe": recipe_settings(settings.image)} if settings.image else {})


def image_step(
    name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> dict[str, Any]:
    operation = "create" if before is None else "delete" if after is None else "update"
    sides: list[dict[str, Any] | None] = [
        {"build": {"contextDigest": "same", **side}, "imageName": "r.example.com/data/client:t"} if side is not None else None
        for side in (before, after)
    ]  # fmt: skip
    made: dict[str, Any] = step(IMAGE_TYPE, name, operation, *sides)
    return made


def change(
    before: dict[str, Any],
    after: dict[str, Any],
    *steps: dict[str, Any],
    authorities: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {}),
    chart: tuple[str, str] | None = None,
    commits: tuple[str, str] = ("1", "1"),
    pins: tuple[str, str] = ("2", "2"),
    offline: bool = False,
) -> Review:
    """The report on the change from one configuration to another."""
    sides = settings_of(before), settings_of(after)
    reports = [read(side, bundle=commits[i], project=pins[i]) for i, side in enumerate(sides)]
    old, new = (values(side, authorities[i]) for i, side in enumerate(sides))
    if steps:
        # Pulumi leaves out a digest that is known only after the build.
        new = {key: value for key, value in new.items() if key != "image"}
        if all(item["op"] == "delete" for item in steps):
            new["image"] = REBUILT
    updated = release(old, new)
    versions = chart or (sides[0].agent.chart.version, sides[1].agent.chart.version)
    updated["oldState"]["inputs"]["version"], updated["newState"]["inputs"]["version"] = versions
    config = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in after.items()
        if key not in {"credentials", "agentToken", "registryPassword"}
    }
    every = [*steps, *([updated] if (old, versions[0]) != (new, versions[1]) or steps else [])]
    facts = Facts(
        projects=reports[1].projects,
        bundles={name: item.commit for name, item in reports[1].bundles.items()},
    )
    text = digest(*every, outputs=outputs(sides[0], reports[0]), **config)
    return build(parse(text), Facts() if offline else facts)


def reasons(review: Review) -> list[str]:
    """Reasons of the values that differ, most important first."""
    return [group.reason for group in review.values]
