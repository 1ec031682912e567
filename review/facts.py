"""What is added to a preview: everything in a report that the preview itself does not contain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from preflight.report import ProjectFacts, ReleaseObjects
from review.model import Commits, Notice, Violation


@dataclass(frozen=True)
class Facts:
    """What preflight and Git add to a preview."""

    projects: Mapping[str, ProjectFacts] = field(default_factory=dict)
    """dbt project -> its current source."""
    bundles: Mapping[str, str] = field(default_factory=dict)
    """Dag bundle -> commit of its repository."""
    commits: Mapping[str, Commits] = field(default_factory=dict)
    """dbt project -> commits between what agents have and what they get."""
    findings: tuple[Notice, ...] | None = None
    """Findings of preflight; None: use those that the preview printed."""
    violations: tuple[Violation, ...] = ()
    """Policy violations in the preview."""
    objects: ReleaseObjects | None = None
    """Objects of the release as rendered and in the cluster; None: not read."""
