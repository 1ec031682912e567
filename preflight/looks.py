"""All looks of one preview or update."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from delivery.plan import Plan
from preflight import chart, cluster, dbt, docker_engine, git, image, vendor
from preflight.catalogue import CHECKS
from preflight.parallel import Task, together
from preflight.report import Report
from preflight.world import World
from settings.stack import Settings

STEPS = 5
"""Most network waits that a look may have one after another: bounds the whole by so many time limits."""


IMAGE = tuple(check for check in CHECKS if check.startswith("image.") and check != "image.engine")
"""Checks of images, which need no Docker engine."""


@dataclass(frozen=True)
class Look:
    """One thing to look at, independent of the others."""

    name: str
    """What it is, for people."""
    checks: tuple[str, ...]
    """Checks or families that it serves; with all of them off it is not made."""
    work: Callable[[World], None]
    """The look itself."""
    wanted: Callable[[Settings], bool] = lambda _: True
    """Whether the stack needs it."""


LOOKS: tuple[Look, ...] = (
    Look("the Git repositories", ("git", "dbt"), git.look),
    Look("the dbt sources of the image", ("git", "dbt"), dbt.look, lambda s: s.delivery == "agent-image"),
    Look("the cluster", ("cluster",), cluster.look),
    Look("the chart", ("chart",), chart.look),
    Look("the images", IMAGE, image.look),
    Look("what agents need", ("agent",), vendor.look),
    Look("the Docker engine", ("image.engine",), docker_engine.look, lambda s: s.image is not None),
)


def run(settings: Settings, plan: Plan, *, project: str, root: Path, stack: str | None = None) -> Report:
    """Look at everything that this stack needs and report what would fail later, without changing anything.

    ``project`` and ``stack`` are Pulumi's names: the first begins every key, both mark what belongs to this stack.
    ``root`` is the folder that relative paths of the settings start from. Each look at a host ends after
    ``settings.preflight.timeout`` seconds, all of them after a few times that. With every check off there is no
    network call. Nothing is raised for what is found: the report says it.
    """
    world = World(settings, plan, project=project, stack=stack, root=root)
    for case, key, facts in world.levels.lowered():
        world.found("preflight.level", case, at=key, **facts)
    looks = [look for look in LOOKS if look.wanted(settings) and world.levels.looks(*look.checks)]
    tasks = {look: Task(look.name, _bound(look, world)) for look in looks}
    together(tasks.values(), seconds=STEPS * world.timeout)
    for look, task in tasks.items():
        family = look.checks[0]
        if not task.finished:
            world.found(
                "preflight.time", "unfinished", at="preflight.timeout", subject=look.name, under=family
            )
        elif task.error is not None:
            detail = f"{type(task.error).__name__}: {task.error}"
            world.found(
                "preflight.time",
                "broken",
                at=f"preflight.checks.{family}",
                family=family,
                subject=look.name,
                detail=detail,
                under=family,
            )
    return Report(world.findings(), dict(sorted(world.projects.items())), world.image_base)


def _bound(look: Look, world: World) -> Callable[[], None]:
    return lambda: look.work(world)
