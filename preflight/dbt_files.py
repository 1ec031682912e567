"""What the files of a dbt project say, wherever they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from clients.git import Entry
from domain.dbt_adapters import adapters_for
from domain.lfs import LfsRules
from domain.links import LinkError, check_upwards, follow
from domain.requirements import distribution
from preflight.image_contents import known_images
from preflight.world import World
from settings.dbt import DbtProject

PROJECT, PROFILES, LOCK = "dbt_project.yml", "profiles.yml", "package-lock.yml"
ATTRIBUTES = ".gitattributes"
_SHOWN = 5
READ = (PROJECT, PROFILES, LOCK, "packages.yml", "dependencies.yml")


def files_of(entries: Mapping[str, Entry], folder: str) -> list[Entry]:
    """The files of a dbt project in ``folder`` that a look reads."""
    prefix = f"{folder}/" if folder else ""
    found = (entries.get(prefix + name) for name in READ)
    return [entry for entry in found if entry is not None and entry.kind == "file"]


def attributes_of(entries: Mapping[str, Entry]) -> list[Entry]:
    """Every .gitattributes of a commit."""
    return [
        entry for path, entry in entries.items() if path.split("/")[-1] == ATTRIBUTES and entry.kind == "file"
    ]


def examine_lfs(
    world: World,
    entries: Mapping[str, Entry],
    content: Mapping[str, bytes],
    folder: str,
    *,
    at: str,
    remedy: str,
) -> None:
    """Report the files below ``folder`` that the repository keeps in Git LFS."""
    rules = LfsRules({path: data for path, data in content.items() if path.split("/")[-1] == ATTRIBUTES})
    prefix = f"{folder}/" if folder else ""
    report_lfs(
        world,
        [
            path
            for path, entry in entries.items()
            if entry.kind == "file" and path.startswith(prefix) and rules.covers(path)
        ],
        at=at,
        remedy=remedy,
    )


def report_lfs(world: World, paths: list[str], *, at: str, remedy: str) -> None:
    """Report files of which agents would get the pointers."""
    if paths:
        more = len(paths) - _SHOWN
        shown = ", ".join(sorted(paths)[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        world.found("dbt.lfs", "pointers", at=at, paths=shown, remedy=remedy)


def links_of(entries: Mapping[str, Entry]) -> list[Entry]:
    """Every symbolic link of a commit: whether one leads out can depend on another."""
    return [entry for entry in entries.values() if entry.kind == "link"]


def examine_links(
    world: World, entries: Mapping[str, Entry], content: Mapping[str, bytes], folder: str, *, at: str
) -> str | None:
    """Report links below ``folder`` that staging refuses; the folder's real path, None when it is such a link itself."""
    targets = {link.path: content[link.path].decode(errors="surrogateescape") for link in links_of(entries)}
    try:
        real = follow(folder, targets.get)
    except LinkError as error:
        world.found("dbt.links", "outside", at=at, path=error.path, reason=error.reason)
        return None
    prefix = f"{real}/" if real else ""
    for path in targets:
        if path.startswith(prefix):
            try:
                found = follow(path, targets.get)
                if (found in entries and entries[found].kind == "folder") or not found:
                    check_upwards(path, found)
            except LinkError as error:
                world.found("dbt.links", "outside", at=at, path=error.path, reason=error.reason)
    return real


def examine(world: World, index: int, files: Mapping[str, bytes], *, at: str, where: str) -> str | None:
    """Judge a project by its files (name -> content); its name in dbt_project.yml, when that can be read."""
    project = world.settings.dbt_projects[index]
    if PROJECT not in files:
        world.found("dbt.project", "missing", at=at, where=where)
        return None
    parsed: dict[str, Any] = {}
    for name, content in files.items():
        try:
            parsed[name] = yaml.safe_load(content)
        except (yaml.YAMLError, UnicodeDecodeError):
            # A profile may be a template that only dbt can read.
            if name != PROFILES:
                world.found("dbt.project", "invalid", at=at, where=where, file=name)
    definition = parsed.get(PROJECT)
    if not isinstance(definition, dict):
        if PROJECT in parsed:
            world.found("dbt.project", "invalid", at=at, where=where, file=PROJECT)
        return None
    for name in ("packages.yml", "dependencies.yml"):
        listed = parsed.get(name)
        if isinstance(listed, dict) and listed.get("packages") and LOCK not in files:
            world.found("dbt.packages", "unlocked", at=f"dbtProjects[{index}]", file=name)
    _adapter(world, project, definition, parsed.get(PROFILES))
    found = definition.get("name")
    if isinstance(found, str) and found != project.name:
        world.found("dbt.name", "differs", at=f"dbtProjects[{index}].name", name=project.name, found=found)
    return found if isinstance(found, str) else None


def _adapter(world: World, project: DbtProject, definition: Mapping[str, Any], profiles: Any) -> None:
    """Compare the profile's types with what the agents' images install; without adapters dbt comes with the base image."""
    profile = definition.get("profile")
    if not isinstance(profiles, dict) or not isinstance(profiles.get(profile), dict):
        return
    if not world.levels.looks("dbt.adapter"):
        return
    facts: dict[str, Any] = {"profile": profile, "project": project.name}
    kind = _type_in_use(profiles[profile])
    for image in known_images(world):
        if not image.contents.adapters:
            continue
        if kind is None:
            world.found("dbt.adapter", "templated", at=image.adapters_at, **facts)
            continue
        installed = {distribution(requirement) for requirement in image.contents.adapters}
        known, usual = adapters_for(kind), f"dbt-{kind.replace('_', '-')}"
        if not kind or (known | {usual}) & installed:
            continue
        case = "missing" if known else "unverified"
        facts |= {"type": kind, "adapter": usual, "where": image.where}
        world.found("dbt.adapter", case, at=image.adapters_at, **facts)


def _type_in_use(profile: Mapping[str, Any]) -> str | None:
    """Type of the target that dbt uses; None when only dbt can tell, "" when the profile does not work anyway.

    The target is `default` when the profile names none (docs.getdbt.com, core/connect-data-platform/connection-profiles).
    """
    target = profile.get("target", "default")
    outputs = profile.get("outputs")
    if isinstance(target, str) and "{{" in target:
        # Whichever target it becomes: outputs of one type leave no doubt.
        found = outputs.values() if isinstance(outputs, dict) else ()
        types = {output.get("type") for output in found if isinstance(output, dict)}
        kind = types.pop() if len(types) == 1 else None
    else:
        output = outputs.get(target) if isinstance(outputs, dict) else None
        kind = output.get("type") if isinstance(output, dict) else ""
    return kind if isinstance(kind, str) and "{{" not in kind else None
