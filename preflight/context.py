"""What every probe reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from delivery.plan import Plan
from preflight.cluster_access import ClusterAccess
from preflight.image_contents import AgentsImages, read_images
from preflight.once import Once
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
    images: Once[AgentsImages]
    """What the images that run Dags install."""

    @classmethod
    def of(cls, settings: Settings, plan: Plan, *, project: str, stack: str | None, root: Path) -> Context:
        """The context of a stack; nothing is sent yet."""
        levels = Levels(settings.preflight)
        images = Once(partial(read_images, settings, labels=levels.enabled("image.contents")))
        return cls(settings, plan, project, stack, root, levels, ClusterAccess(settings, root=root), images)

    @property
    def timeout(self) -> float:
        """Seconds that one request to one host may take."""
        return float(self.settings.preflight.timeout)

    @property
    def seconds(self) -> str:
        """The time limit as findings show it."""
        return f"{self.timeout:.0f}"
