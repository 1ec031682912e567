"""What the probes found: findings for people, facts for the stack's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from domain.errors import ReportedError

Severity = Literal["error", "warning", "info"]
"""error: stops before any change; warning: shown in every preview; info: shown only in the whole report."""

_ORDER: Mapping[str, int] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Finding:
    """One thing that a check found."""

    check: str
    """Id of the check, for example `git.ref`; docs/preflight.md lists all."""
    case: str
    """What the check found, for example `missing`; stable, while the wording of the message may change."""
    severity: Severity
    """How bad."""
    key: str
    """Stack key that decides it: `dags.ref` as a probe yields it, `astro-dbt:dags.ref` in a report."""
    message: str
    """What is wrong and what to do, as the rest of a sentence that begins with the key."""

    def __str__(self) -> str:
        return f"{self.key} {self.message}."

    @property
    def order(self) -> tuple[int, str, str, str]:
        """Errors first, then by key."""
        return (_ORDER[self.severity], self.key, self.check, self.message)


@dataclass(frozen=True)
class ProjectFacts:
    """Where a dbt project comes from, as the agents will get it."""

    repository: str | None
    """Clone URL of its repository; None for a local folder."""
    commit: str | None
    """Commit that the agents get; None when it could not be read."""
    behind: int | str | None
    """Commits that the tracked branch is ahead; text ("more than 250") when counting stopped; None when unknown."""
    dbt_name: str | None
    """Name in dbt_project.yml."""


@dataclass(frozen=True)
class ImageFacts:
    """What the tag of an Astro agent image says."""

    reference: str
    """The reference."""
    runtime: str
    """Astro Runtime, for example 3.1-3."""
    python: str
    """Python, for example 3.12."""
    agent: str
    """Agent, for example 1.2.0."""


Identity = tuple[str, str, str]
"""Group, kind and name of an object of the release; its version may change with the chart's."""


def identity(document: Mapping[str, Any]) -> Identity:
    """What tells an object from the others of its release."""
    version = str(document.get("apiVersion", ""))
    group = version.partition("/")[0] if "/" in version else ""
    return group, str(document["kind"]), str(document["metadata"].get("name"))


@dataclass(frozen=True)
class ReleaseObjects:
    """Objects of the release three times; they may hold secrets, so they go into no output."""

    rendered: tuple[Mapping[str, Any], ...] | None
    """What the chart renders with the values to come, without hooks; None where it was not rendered."""
    deployed: tuple[Mapping[str, Any], ...] | None
    """What it rendered at the last update, by Helm's record; None when that cannot be read."""
    live: Mapping[Identity, Mapping[str, Any] | None]
    """What the cluster has; None: the object is missing there. Objects that may not be read are left out."""


@dataclass(frozen=True)
class ProjectSource:
    """The facts of one dbt project."""

    project: str
    """Name of the dbt project in the stack."""
    facts: ProjectFacts
    """Where it comes from."""


@dataclass(frozen=True)
class BundleFacts:
    """A Dag repository, as the agents or the image build will get it."""

    bundle: str
    """Name of the bundle."""
    commit: str
    """Commit of its ref."""
    files: int
    """Files of that commit that a checkout contains."""
    stored: int
    """Bytes of the commit and its folders in Git's own form."""


Found = Finding | ProjectSource | BundleFacts | ImageFacts | ReleaseObjects
"""What a probe yields."""


@dataclass(frozen=True)
class Report:
    """Everything that the probes found, errors first."""

    findings: tuple[Finding, ...] = ()
    """Findings in a stable order."""
    projects: Mapping[str, ProjectFacts] = field(default_factory=dict)
    """Facts by dbt project."""
    bundles: Mapping[str, BundleFacts] = field(default_factory=dict)
    """Facts by Dag bundle, for those whose repository could be read."""
    image_base: ImageFacts | None = None
    """Facts of the image that the agents' image builds on (or that they run); None when its tag does not say."""
    objects: ReleaseObjects | None = field(default=None, repr=False)
    """Objects of the release; None where the cluster was not read."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that stop."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings to show."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    def of(self, check: str, severity: Severity) -> tuple[Finding, ...]:
        """Findings of one check and severity."""
        return tuple(item for item in self.findings if (item.check, item.severity) == (check, severity))

    def raise_for_errors(self) -> None:
        """Raise PreflightError if there is any error."""
        if self.errors:
            raise PreflightError(self.errors)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, for outputs and for machines that read it."""
        return {
            "findings": [asdict(finding) for finding in self.findings],
            "projects": {name: asdict(facts) for name, facts in self.projects.items()},
            "bundles": {name: facts.commit for name, facts in self.bundles.items()},
            "imageBase": asdict(self.image_base) if self.image_base else None,
        }


class PreflightError(ReportedError):
    """Something would fail later; one sentence per finding."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__("\n".join(str(finding) for finding in findings))
