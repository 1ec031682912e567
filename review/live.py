"""What a report needs from Pulumi, Git, the cluster and the registry. Read-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import delivery
import preflight
from clients.git import GitError
from domain import redaction
from preflight.connection import cluster_secrets, repository_access
from review import commits
from review.build import build, final_values
from review.engine import configuration
from review.facts import Facts
from review.model import Commits, Notice, Review, Violation
from review.preview import Preview
from settings import RawValue, Settings, SettingsError, parse
from settings.authorities import authorities
from settings.secret_texts import secret_texts

_SHORTEST_SECRET = 6


def settings_of(stack: str, *, project: str, folder: Path) -> Settings:
    """Settings of a stack, with its secrets only in this process' memory.

    Raises PulumiError (no such stack, no passphrase) and SettingsError.
    """
    prefix = f"{project}:"
    raw = {
        key.removeprefix(prefix): RawValue(item.value, secret=item.secret)
        for key, item in configuration(stack, folder).items()
        if key.startswith(prefix)
    }
    return parse(raw, project=project, root=folder)


def facts_of(preview: Preview, settings: Settings, *, folder: Path) -> Facts:
    """Findings of preflight, and the commits of every dbt project that changes."""
    plan = delivery.plan(settings, authorities=authorities(settings, folder))
    found = preflight.run(
        settings,
        plan,
        project=preview.project,
        stack=preview.stack,
        root=folder,
        values=final_values(preview),
        preview=True,
    )
    known = preview.outputs.get("dbtProjects")
    known = known if isinstance(known, Mapping) else {}
    moved: dict[str, Commits] = {}
    secrets = cluster_secrets(settings, root=folder)
    connections = {project.name: project.connection for project in settings.dbt_projects}
    for name, facts in found.projects.items():
        before = (known.get(name) or {}).get("commit")
        if before and facts.commit and facts.repository and before != facts.commit:
            try:
                access = repository_access(settings, connections.get(name), root=folder, secrets=secrets)
            except GitError as error:
                moved[name] = Commits(problem=str(error))
                continue
            moved[name] = commits.between(
                facts.repository, before, facts.commit, access=access, timeout=settings.preflight.timeout
            )
    findings = tuple(Notice(item.severity, item.key, item.message) for item in found.findings)
    return Facts(
        projects=found.projects,
        bundles={name: facts.commit for name, facts in found.bundles.items()},
        commits=moved,
        findings=findings,
        objects=found.objects,
    )


def review_of(
    preview: Preview, *, folder: Path, offline: bool = False, violations: tuple[Violation, ...] = ()
) -> tuple[Review, tuple[str, ...]]:
    """(report, secret texts that must not be in it) for a preview; ``offline`` reads nothing from Git and the cluster.

    Raises PulumiError: the stack's settings cannot be read.
    """
    if offline:
        return build(preview, Facts(violations=violations)), ()
    try:
        settings = settings_of(preview.stack, project=preview.project, folder=folder)
    except SettingsError:
        return build(preview, Facts(violations=violations)), ()  # the preview reports what is wrong with them
    facts = Facts() if preview.errors else facts_of(preview, settings, folder=folder)
    return build(preview, replace(facts, violations=violations)), tuple(secret_texts(settings))


def without(text: str, secrets: Sequence[str]) -> str:
    """The text with every secret redacted: the last safeguard for a report that should contain none."""
    return redaction.without(text, secrets, mask="[secret]", shortest=_SHORTEST_SECRET)
