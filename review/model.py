"""The report as data: what changes, what restarts, what it costs, and one verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from review.differences import Difference
from review.preview import Operation
from review.restarts import Deployment


class Verdict(Enum):
    """What a reviewer decides by, from harmless to red."""

    NOTHING = "nothing to do"
    SAFE = "safe in place"
    INSTALLS = "installs the agents"
    ROLLS = "rolls workers"
    REPLACES = "replaces or removes something"
    FAILED = "preview failed"


@dataclass(frozen=True)
class Notice:
    """One finding of the look before the change."""

    severity: Literal["error", "warning", "info"]
    """How bad."""
    key: str
    """Stack key that decides it."""
    message: str
    """Rest of a sentence that begins with the key, without a full stop."""

    @property
    def order(self) -> tuple[int, str, str]:
        """Errors first, then by key."""
        return ("error", "warning", "info").index(self.severity), self.key, self.message


@dataclass(frozen=True)
class Violation:
    """What a policy found."""

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
    """Whether there are more than could be read."""
    back: bool = False
    """Whether the new commit is not after the old one: history was rewritten, or the project moves back."""
    problem: str | None = None
    """Why nothing could be read."""


@dataclass(frozen=True)
class DbtChange:
    """What happens to one dbt project."""

    project: str
    """Its name."""
    before: str | None
    """Commit that agents have; None: none is known."""
    after: str | None
    """Commit that agents get; None: it comes from a local folder, or nobody looked."""
    repository: str | None
    """Where it comes from."""
    commits: Commits | None
    """What lies between."""


@dataclass(frozen=True)
class ImageChange:
    """What happens to the image that the agents run."""

    before: str | None
    """Reference so far; None: the chart's default, or no agents yet."""
    after: str | None
    """Reference to come; a tag where the digest is known only after the push. None: the chart's default."""
    reasons: tuple[str, ...]
    """Why, each a phrase."""
    built: bool = False
    """Whether this update builds and pushes it."""


@dataclass(frozen=True)
class ObjectChange:
    """What happens to one object."""

    kind: str
    """Kubernetes kind, or what else it is."""
    name: str
    """Its name."""
    operation: Operation
    """What happens to it."""
    keys: tuple[str, ...] = ()
    """Keys that change; never their values."""
    reasons: tuple[str, ...] = ()
    """Properties that make it a replacement."""
    protected: bool = False
    """Whether Pulumi will refuse to delete it."""


@dataclass(frozen=True)
class Review:
    """One preview, for people."""

    stack: str
    """Name of the stack."""
    verdict: Verdict
    """The verdict."""
    errors: tuple[str, ...]
    """Sentences that stopped the preview."""
    findings: tuple[Notice, ...]
    """What the look before the change found, errors first."""
    violations: tuple[Violation, ...]
    """What policies found, those that stop the change first."""
    switch: tuple[str, str] | None
    """(option so far, option to come) when the delivery option changes."""
    chart: tuple[str | None, str | None] | None
    """(version so far, version to come) when it changes; None for a release that is not there."""
    image: ImageChange | None
    """The image, when it changes."""
    dbt: tuple[DbtChange, ...]
    """dbt projects whose commit changes."""
    secrets: tuple[ObjectChange, ...]
    """Kubernetes Secrets that change."""
    objects: tuple[ObjectChange, ...]
    """Everything else that changes, but for the release itself."""
    values: tuple[Difference, ...]
    """Values of the chart that differ."""
    deployments: tuple[Deployment, ...]
    """What happens to each Deployment; empty when the release does not change."""
    costs: tuple[str, ...]
    """What it costs to do this, and to undo it."""
    timeout: int | None
    """Seconds that Helm waits for the release."""
    refresh: int | None
    """Seconds after which agents have looked for new commits; None when they fetch no dbt project from Git."""

    @property
    def replaced(self) -> tuple[ObjectChange, ...]:
        """Objects that are deleted, or deleted and made again."""
        return tuple(
            item for item in (*self.objects, *self.secrets) if item.operation in ("replace", "delete")
        )

    def counts(self) -> Mapping[str, int]:
        """Number of Deployments by what happens to them."""
        found: dict[str, int] = {}
        for item in self.deployments:
            found[item.fate] = found.get(item.fate, 0) + 1
        return found
