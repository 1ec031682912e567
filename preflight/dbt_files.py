"""What the files of a dbt project contain, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from clients.git import Entry, PartialClone, Session
from clients.git.attributes import ATTRIBUTES, in_lfs
from clients.git.links import follow as follow_in
from domain.dbt_adapters import adapters_for
from domain.links import LinkError, check_upwards, follow
from domain.plain_yaml import PlainYamlError, load
from domain.requirements import distribution
from preflight.catalogue.dbt_checks import (
    DBT_ADAPTER,
    DBT_LFS,
    DBT_LINKS,
    DBT_NAME,
    DBT_PACKAGES,
    DBT_PROJECT,
)
from preflight.context import Context
from preflight.image_contents import KnownImage
from preflight.report import Finding
from settings.dbt import DbtProject

PROJECT, PROFILES, LOCK = "dbt_project.yml", "profiles.yml", "package-lock.yml"
_SHOWN = 5
READ = (PROJECT, PROFILES, LOCK, "packages.yml", "dependencies.yml")
"""Names of the files that preflight reads at the root of a dbt project."""


def files_of(clone: PartialClone, entries: Mapping[str, Entry], folder: str) -> dict[str, Entry]:
    """The files of the dbt project in ``folder`` that preflight reads, by name; a link stands for the file that it leads to.

    Raises GitError.
    """
    prefix = f"{folder}/" if folder else ""
    found = {}
    for name in READ:
        entry = entries.get(prefix + name)
        if entry is not None and entry.kind == "link":
            real = follow_in(clone, entries, entry.path)
            entry = entries.get(real) if real else None
        if entry is not None and entry.kind == "file":
            found[name] = entry
    return found


def attributes_of(entries: Mapping[str, Entry]) -> list[Entry]:
    """Every .gitattributes of a commit."""
    return [
        entry for path, entry in entries.items() if path.split("/")[-1] == ATTRIBUTES and entry.kind == "file"
    ]


def links_of(entries: Mapping[str, Entry]) -> list[Entry]:
    """Every symbolic link of a commit: whether one leads out can depend on another."""
    return [entry for entry in entries.values() if entry.kind == "link"]


def lfs_paths(
    session: Session, entries: Mapping[str, Entry], content: Mapping[str, bytes], folder: str
) -> list[str]:
    """The files below ``folder`` that the repository keeps in Git LFS; ``content`` holds every .gitattributes by path.

    Raises GitError.
    """
    attributes = {path: data for path, data in content.items() if path.split("/")[-1] == ATTRIBUTES}
    prefix = f"{folder}/" if folder else ""
    files = (path for path, entry in entries.items() if entry.kind == "file" and path.startswith(prefix))
    return in_lfs(session, attributes, files)


def lfs_findings(paths: Iterable[str], *, at: str, remedy: str) -> Iterator[Finding]:
    """One finding for all files of which agents would get the pointers."""
    found = sorted(paths)
    if found:
        more = len(found) - _SHOWN
        shown = ", ".join(found[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        yield DBT_LFS.pointers(at, paths=shown, remedy=remedy)


@dataclass(frozen=True)
class FollowedLinks:
    """What the symbolic links of a commit mean for one folder of it."""

    folder: str | None
    """The folder's real path; None when it is a link that staging refuses."""
    refused: tuple[LinkError, ...]
    """Links in it, or the folder itself, that staging refuses."""

    @classmethod
    def of(cls, entries: Mapping[str, Entry], content: Mapping[str, bytes], folder: str) -> FollowedLinks:
        """The links below ``folder``; ``content`` holds the target of every link by path."""
        targets = {
            link.path: content[link.path].decode(errors="surrogateescape") for link in links_of(entries)
        }
        try:
            real = follow(folder, targets.get)
        except LinkError as error:
            return cls(None, (error,))
        prefix = f"{real}/" if real else ""
        refused = []
        for path in targets:
            if path.startswith(prefix):
                try:
                    found = follow(path, targets.get)
                    if (found in entries and entries[found].kind == "folder") or not found:
                        check_upwards(path, found)
                except LinkError as error:
                    refused.append(error)
        return cls(real, tuple(refused))

    def findings(self, at: str) -> Iterator[Finding]:
        """A finding for each refused link."""
        for error in self.refused:
            yield link_finding(error, at)


def link_finding(error: LinkError, at: str) -> Finding:
    """A link that staging refuses."""
    return DBT_LINKS.outside(at, path=error.path, reason=error.reason)


@dataclass(frozen=True)
class ProjectFiles:
    """The files at the root of a dbt project that preflight reads."""

    content: Mapping[str, bytes]
    """Content by name."""

    @classmethod
    def of(cls, entries: Mapping[str, Entry], content: Mapping[str, bytes]) -> ProjectFiles:
        """The files ``entries`` (by name), of which ``content`` holds the content by path."""
        return cls({name: content[entry.path] for name, entry in entries.items()})

    @cached_property
    def parsed(self) -> Mapping[str, Any]:
        """Content of the valid YAML files by name."""
        parsed = {}
        for name, content in self.content.items():
            try:
                parsed[name] = load(content)
            except PlainYamlError:
                continue
        return parsed

    @property
    def invalid(self) -> tuple[str, ...]:
        """Names of files that are not valid; a profile may be a template that only dbt can read."""
        return tuple(
            name
            for name in self.content
            if name != PROFILES
            and (name not in self.parsed or (name == PROJECT and not isinstance(self.parsed[PROJECT], dict)))
        )

    @property
    def definition(self) -> Mapping[str, Any] | None:
        """dbt_project.yml; None when it is missing or not valid."""
        found = self.parsed.get(PROJECT)
        return found if isinstance(found, dict) else None

    @property
    def name(self) -> str | None:
        """The project's name in dbt_project.yml."""
        found = self.definition.get("name") if self.definition is not None else None
        return found if isinstance(found, str) else None


def examine(context: Context, index: int, files: ProjectFiles, *, at: str, where: str) -> Iterator[Finding]:
    """Judge the project at position ``index`` by its files, which are ``where`` and decided by the key ``at``."""
    project = context.settings.dbt_projects[index]
    if PROJECT not in files.content:
        yield DBT_PROJECT.missing(at, where=where)
        return
    for name in files.invalid:
        yield DBT_PROJECT.invalid(at, where=where, file=name)
    if files.definition is None:
        return
    for name in ("packages.yml", "dependencies.yml"):
        listed = files.parsed.get(name)
        if isinstance(listed, dict) and listed.get("packages") and LOCK not in files.content:
            yield DBT_PACKAGES.unlocked(f"dbtProjects[{index}]", file=name)
    profile = _profile(files)
    if profile is not None and context.levels.enabled("dbt.adapter"):
        for image in context.images().known:
            yield from _adapter(project, *profile, image)
    if files.name is not None and files.name != project.name:
        yield DBT_NAME.differs(f"dbtProjects[{index}].name", name=project.name, found=files.name)


def _profile(files: ProjectFiles) -> tuple[str, Mapping[str, Any]] | None:
    """(name, content) of the profile that the project uses, when it is among its files."""
    name = (files.definition or {}).get("profile")
    profiles = files.parsed.get(PROFILES)
    found = profiles.get(name) if isinstance(profiles, dict) else None
    return (str(name), found) if isinstance(found, dict) else None


def _adapter(
    project: DbtProject, profile: str, content: Mapping[str, Any], image: KnownImage
) -> Iterator[Finding]:
    """Compare the profile's types with what an image installs; without adapters dbt comes with the base image."""
    if not image.contents.adapters:
        return
    at, kind = image.adapters_at, _type_in_use(content)
    if kind is None:
        yield DBT_ADAPTER.templated(at, profile=profile, project=project.name)
        return
    installed = {distribution(requirement) for requirement in image.contents.adapters}
    known, usual = adapters_for(kind), f"dbt-{kind.replace('_', '-')}"
    if not kind or (known | {usual}) & installed:
        return
    if known:
        yield DBT_ADAPTER.missing(at, adapter=usual, profile=profile, project=project.name, where=image.where)
    else:
        yield DBT_ADAPTER.unverified(at, type=kind, profile=profile, project=project.name)


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
