"""The report as data: what changes, what restarts, what it takes, and one verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from review.differences import Difference
from review.objects import ObjectsReport
from review.preview import Operation
from review.restarts import Deployment


class Verdict(Enum):
    """The verdict on a change, from harmless to failed."""

    NOTHING = "nothing to do"
    DRIFTED = "edited outside this stack"
    SAFE = "safe in place"
    INSTALLS = "installs the agents"
    ROLLS = "rolls workers"
    REPLACES = "replaces or removes something"
    FAILED = "preview failed"


@dataclass(frozen=True)
class Notice:
    """One finding of preflight."""

    severity: Literal["error", "warning", "info"]
    """Its severity."""
    key: str
    """Stack key to change."""
    message: str
    """Rest of a sentence that starts with the key, without a full stop."""

    @property
    def order(self) -> tuple[int, str, str]:
        """Errors first, then by key."""
        return ("error", "warning", "info").index(self.severity), self.key, self.message


@dataclass(frozen=True)
class Violation:
    """A policy violation."""

    policy: str
    """Name of the rule."""
    mandatory: bool
    """Whether it stops the change."""
    message: str
    """What is wrong, why it matters, and what to write instead."""


@dataclass(frozen=True)
class Commits:
    """Commits between two states of a dbt project, newest first."""

    subjects: tuple[tuple[str, str], ...] = ()
    """(commit, first line of its message)."""
    more: bool = False
    """Whether there are more than were read."""
    back: bool = False
    """Whether the new commit does not follow the old one: history was rewritten, or the project is reverted."""
    problem: str | None = None
    """Why the commits could not be read."""


@dataclass(frozen=True)
class DbtChange:
    """Change of one dbt project."""

    project: str
    """Its name."""
    before: str | None
    """Commit that agents have; None if unknown."""
    after: str | None
    """Commit that agents get; None: it comes from a local folder, or was not read."""
    repository: str | None
    """Its repository."""
    commits: Commits | None
    """Commits between the two."""
    refresh: int | None = None
    """Seconds within which agents fetch it; None if it comes with their image."""


@dataclass(frozen=True)
class DagChange:
    """Change of one Dag bundle's commit."""

    bundle: str
    """Its name."""
    before: str
    """Commit that agents have."""
    after: str
    """Commit that agents get."""
    baked: bool
    """Whether the Dags come with the image."""
    refresh: int | None
    """Seconds within which agents fetch it; None if they do not."""
    moved: int
    """dbt projects whose submodule moves with it, of …"""
    pinned: int
    """… those that it pins as submodules and that were read at the last update and now."""
    refs: tuple[str, str] | None = None
    """(old ref, new ref) if the stack names another one; None: the commit changes without an update."""


@dataclass(frozen=True)
class ValueGroup:
    """Values of the chart that differ for one reason."""

    reason: str
    """The reason, as a phrase, or a key as code."""
    differences: tuple[Difference, ...]
    """The values."""


@dataclass(frozen=True)
class ImageChange:
    """Change of the image that the agents run."""

    before: str | None
    """Old reference; None: the chart's default, or no agents yet."""
    after: str | None
    """New reference; a tag if the digest is unknown until the push. None: the chart's default."""
    reasons: tuple[str, ...]
    """Reasons, each a phrase."""
    built: bool = False
    """Whether this update builds and pushes it."""


@dataclass(frozen=True)
class ObjectChange:
    """Change of one object."""

    kind: str
    """Kubernetes kind, or another kind of object."""
    name: str
    """Its name."""
    operation: Operation
    """Operation on it."""
    keys: tuple[str, ...] = ()
    """Keys that change; never their values."""
    reasons: tuple[str, ...] = ()
    """Properties that force a replacement."""
    protected: bool = False
    """Whether Pulumi will refuse to delete it."""


@dataclass(frozen=True)
class Review:
    """The report on one preview."""

    stack: str
    """Name of the stack."""
    verdict: Verdict
    """The verdict."""
    errors: tuple[str, ...]
    """Sentences that stopped the preview."""
    findings: tuple[Notice, ...]
    """Findings of preflight, errors first."""
    violations: tuple[Violation, ...]
    """Policy violations, those that stop the change first."""
    switch: tuple[str, str] | None
    """(old option, new option) if the delivery option changes."""
    chart: tuple[str | None, str | None] | None
    """(old version, new version) of the chart if it changes; None for a release that does not exist."""
    image: ImageChange | None
    """The image, if it changes."""
    dags: tuple[DagChange, ...]
    """Dag bundles whose commit changes."""
    dbt: tuple[DbtChange, ...]
    """dbt projects whose commit changes."""
    secrets: tuple[ObjectChange, ...]
    """Kubernetes Secrets that change."""
    objects: tuple[ObjectChange, ...]
    """Everything else that changes, except the release itself."""
    values: tuple[ValueGroup, ...]
    """Values of the chart that differ, by reason, most important first."""
    deployments: tuple[Deployment, ...]
    """Change of each Deployment; empty if the release does not change."""
    costs: tuple[str, ...]
    """What it takes to do this, and to undo it."""
    rendered: ObjectsReport
    """Objects of the release: what changes in them, and what was edited in the cluster."""
    timeout: int | None
    """Seconds that Helm waits for the release."""

    @property
    def replaced(self) -> tuple[ObjectChange, ...]:
        """Objects that are deleted or replaced."""
        return tuple(
            item for item in (*self.objects, *self.secrets) if item.operation in ("replace", "delete")
        )

    def counts(self) -> Mapping[str, int]:
        """Number of Deployments by what happens to them."""
        found: dict[str, int] = {}
        for item in self.deployments:
            found[item.fate] = found.get(item.fate, 0) + 1
        return found
