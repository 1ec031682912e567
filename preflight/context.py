"""What every probe reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from clients.charts import ChartPackage
from delivery.plan import Plan
from preflight.chart_access import pinned_chart
from preflight.cluster_access import ClusterAccess
from preflight.image_contents import AgentsImages, read_images
from preflight.once import Once
from preflight.report import Finding
from preflight.strictness import Levels
from settings.stack import Settings


@dataclass(frozen=True)
class Context:
    """One run of preflight; nothing here is changed by a probe."""

    settings: Settings
    """The stack's settings."""
    plan: Plan
    """What they ask of the agents."""
    project: str
    """Pulumi's project: the prefix of every stack key."""
    stack: str | None
    """Pulumi's stack; None when it is not known."""
    root: Path
    """Folder that relative paths of the settings start from."""
    levels: Levels
    """How strict each check is."""
    cluster: ClusterAccess
    """The stack's cluster."""
    chart: Once[ChartPackage | Finding]
    """The pinned chart, or why it cannot be read."""
    values: Mapping[str, Any] | None
    """The chart's final values where a preview has computed them."""
    images: Once[AgentsImages]
    """What the images that run Dags install."""
    preview: bool = False
    """Whether this run only shows changes, for which an account needs no right to make them."""

    @classmethod
    def of(
        cls,
        settings: Settings,
        plan: Plan,
        *,
        project: str,
        stack: str | None,
        root: Path,
        values: Mapping[str, Any] | None = None,
        preview: bool = False,
    ) -> Context:
        """The context of a stack; nothing is sent yet."""
        levels = Levels(settings.preflight)
        images = Once(partial(read_images, settings, labels=levels.enabled("image.contents")))
        cluster, chart = ClusterAccess(settings, root=root), Once(partial(pinned_chart, settings))
        return cls(settings, plan, project, stack, root, levels, cluster, chart, values, images, preview)

    @property
    def timeout(self) -> float:
        """Seconds that one request to one host may take."""
        return float(self.settings.preflight.timeout)

    @property
    def seconds(self) -> str:
        """The time limit as findings show it."""
        return f"{self.timeout:.0f}"
