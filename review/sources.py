"""What agents get from Git: the commits of Dag bundles and dbt projects, at the last update and now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from review.facts import Facts
from review.model import DagChange, DbtChange
from review.preview import Preview
from review.repositories import bundle_id
from settings.dags import REPOSITORY, GitBundle

_DEFAULT_REFRESH = int(GitBundle.model_fields["refresh_interval"].default)


def option(preview: Preview) -> str:
    """The delivery option that the preview is for."""
    return preview.key("delivery") or "git-submodule"


def known(preview: Preview, output: str) -> dict[str, Mapping[str, Any]]:
    """An output of the last update that maps names to mappings; empty if there is none."""
    found = preview.outputs.get(output)
    if not isinstance(found, Mapping):
        return {}
    return {str(name): item for name, item in found.items() if isinstance(item, Mapping)}


def is_baked(preview: Preview, bundle: Mapping[str, Any]) -> bool:
    """Whether the Dags of a bundle of the stack file go into the image."""
    return option(preview) == "agent-image" and bool(bundle.get("source"))


def dbt_changes(preview: Preview, facts: Facts) -> Iterator[DbtChange]:
    """dbt projects whose commit changes."""
    old = known(preview, "dbtProjects")
    for name in sorted({*old, *facts.projects}):
        now = facts.projects.get(name)
        if now is None:
            continue
        before, after = old.get(name, {}).get("commit"), now.commit
        if before == after or after is None:
            continue
        yield DbtChange(
            project=name,
            before=before,
            after=after,
            repository=now.repository,
            commits=facts.commits.get(name),
            refresh=_interval(preview, name),
        )


def _interval(preview: Preview, project: str) -> int | None:
    """Seconds between the fetches of a dbt project's bundle; the longest of all bundles if the project names none."""
    if option(preview) != "git-submodule":
        return None
    named = [item.get("bundle") for item in preview.entries("dbtProjects") if item.get("name") == project]
    bundles = [item for item in preview.entries("dags") if not named or named[0] in (None, bundle_id(item))]
    return max((refresh_of(item) for item in bundles), default=_DEFAULT_REFRESH)


def dag_changes(preview: Preview, facts: Facts) -> Iterator[DagChange]:
    """Bundles whose Dags agents have already and that move to another commit of the same repository."""
    old = known(preview, "dagBundles")
    settings = {bundle_id(bundle): bundle for bundle in preview.entries("dags")}
    for name, before in old.items():
        bundle, after = settings.get(name), facts.bundles.get(name)
        if not before.get("commit") or after is None or before["commit"] == after:
            continue
        if bundle is not None and bundle.get("repo", before.get("repository")) != before.get("repository"):
            continue
        baked = is_baked(preview, bundle) if bundle is not None else bool(before.get("baked"))
        if baked and bundle is not None and bundle.get("source") != REPOSITORY:
            continue  # a local folder, whatever commit it has
        moved, pinned = _pins(preview, facts, name)
        yield DagChange(
            bundle=name,
            before=str(before["commit"]),
            after=after,
            baked=baked,
            refresh=None if baked else refresh_of(bundle or {}),
            moved=moved,
            pinned=pinned,
            refs=_refs(before, bundle),
        )


def _refs(before: Mapping[str, Any], bundle: Mapping[str, Any] | None) -> tuple[str, str] | None:
    if bundle is None or not before.get("ref"):
        return None
    refs = str(before["ref"]), str(bundle.get("ref") or GitBundle.model_fields["ref"].default)
    return refs if refs[0] != refs[1] else None


def _pins(preview: Preview, facts: Facts, bundle: str) -> tuple[int, int]:
    """(how many dbt projects move with a bundle's commit, how many it pins as submodules), of those that were read twice."""
    old = known(preview, "dbtProjects")
    if option(preview) != "git-submodule" or preview.outputs.get("delivery") != "git-submodule":
        return 0, 0
    moved = pinned = 0
    for project in preview.entries("dbtProjects"):
        name = str(project.get("name"))
        now = facts.projects.get(name)
        before = old.get(name, {}).get("commit")
        if project.get("bundle") in (None, bundle) and project.get("submodule", True) and now and before:
            pinned += bool(now.commit)
            moved += now.commit not in (None, before)
    return moved, pinned


def refresh_of(bundle: Mapping[str, Any]) -> int:
    """Seconds between the agents' fetches of a bundle of the stack file."""
    found = bundle.get("refreshInterval", _DEFAULT_REFRESH)
    return int(found) if isinstance(found, int | float) else _DEFAULT_REFRESH
