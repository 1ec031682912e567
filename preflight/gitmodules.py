"""What .gitmodules says, read by Git itself."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from clients.git import Session
from preflight.catalogue.git_checks import GIT_SUBMODULE
from preflight.report import Finding


@dataclass(frozen=True)
class Modules:
    """The registered submodules."""

    urls: Mapping[str, str]
    """Path -> URL as it is written."""
    branches: Mapping[str, str] = field(default_factory=dict)
    """Path -> branch that `git submodule update --remote` follows."""
    misspelt: Mapping[str, str] = field(default_factory=dict)
    """Path -> the path as it is written, where Git would not find it (a slash at its end)."""
    skipped: frozenset[str] = frozenset()
    """Paths with `update = none`, which Git leaves empty without an error."""


def read_modules(session: Session, content: bytes) -> Modules:
    """Parse the content of a .gitmodules file. Raises GitError when Git cannot read it."""
    # Unlike --get-regexp, --list accepts a file without entries.
    arguments = ("config", "--file", "-", "--null", "--list")
    output = session.git(*arguments, stdin=content).stdout.decode(errors="replace")
    values: dict[str, dict[str, str]] = {}
    for entry in filter(None, output.split("\0")):
        key, _, value = entry.partition("\n")
        section, _, rest = key.partition(".")
        name, _, setting = rest.rpartition(".")
        if section == "submodule" and name:
            values.setdefault(name, {})[setting] = value
    entries = {_clean(item["path"]): item for item in values.values() if {"path", "url"} <= set(item)}
    return Modules(
        urls={path: item["url"] for path, item in entries.items()},
        branches={path: item["branch"] for path, item in entries.items() if item.get("branch")},
        misspelt={path: item["path"] for path, item in entries.items() if item["path"] != path},
        skipped=frozenset(path for path, item in entries.items() if item.get("update") == "none"),
    )


def _clean(path: str) -> str:
    return posixpath.normpath(path).strip("/")


def entry_findings(modules: Modules, path: str, *, at: str, full: str) -> Iterator[Finding]:
    """What is wrong with the entry of the submodule at ``path``, its address apart; ``full`` is its path in the Dag repository."""
    if path in modules.misspelt:
        yield GIT_SUBMODULE.misspelt(at, path=modules.misspelt[path], clean=path)
    if path in modules.skipped:
        yield GIT_SUBMODULE.skipped(at, path=full)
