"""What .gitmodules says, read by Git itself, with what `git submodule` makes of it (submodule-config.c of Git)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from clients.git import Cause, GitError, Session
from preflight.catalogue.git_checks import GIT_SUBMODULE
from preflight.report import Finding

_TEXTS = frozenset({"path", "url", "update", "ignore", "branch"})
"""Settings that need a value: without one Git stops (or even crashes)."""
_BOOLEAN = re.compile(r"(true|false|yes|no|on|off|[+-]?[0-9]+[kmg]?)?", re.IGNORECASE)
_UPDATES = frozenset({"checkout", "rebase", "merge", "none"})


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
    ignored: Mapping[str, str] = field(default_factory=dict)
    """Path -> what is wrong with its entry, which Git passes over as if it were not there."""


def read_modules(session: Session, content: bytes) -> Modules:
    """Parse the content of a .gitmodules file. Raises GitError when Git cannot read it, or stops at one of its values."""
    # Unlike --get-regexp, --list accepts a file without entries; like `git submodule`, it must follow no `[include]`.
    arguments = ("config", "--no-includes", "--file", "-", "--null", "--list")
    output = session.git(*arguments, stdin=content).stdout.decode(errors="replace")
    named: dict[str, dict[str, str]] = {}
    for entry in filter(None, output.split("\0")):
        key, newline, value = entry.partition("\n")
        section, _, rest = key.partition(".")
        name, dot, setting = rest.rpartition(".")
        if section == "submodule" and dot:
            if not _suspicious(name):
                _refuse(name, setting, value if newline else None)
            named.setdefault(name, {})[setting] = value
    entries: dict[str, dict[str, str]] = {}
    ignored: dict[str, str] = {}
    # Where two entries lead to one path, Git takes the last one, but none whose path it would not match.
    for name, item in sorted(named.items(), key=lambda found: not _misspelt(found[1].get("path", ""))):
        path = item.get("path", "")
        reason = _ignored(name, item)
        if reason and path:
            ignored[_clean(path)] = reason
        elif path and "url" in item:
            entries[_clean(path)] = item
    return Modules(
        urls={path: item["url"] for path, item in entries.items()},
        branches={path: item["branch"] for path, item in entries.items() if item.get("branch")},
        misspelt={path: item["path"] for path, item in entries.items() if item["path"] != path},
        skipped=frozenset(path for path, item in entries.items() if item.get("update") == "none"),
        ignored={path: reason for path, reason in ignored.items() if path not in entries},
    )


def _clean(path: str) -> str:
    return posixpath.normpath(path).strip("/")


def _misspelt(path: str) -> bool:
    return _clean(path) != path


def _refuse(name: str, setting: str, value: str | None) -> None:
    """Raise GitError for a value at which every `git submodule` command stops, whatever submodule it is for."""
    if value is None:
        if setting in _TEXTS:
            raise GitError(Cause.INVALID, f"{setting} of submodule {name} has no value")
        return
    on_demand = setting == "fetchrecursesubmodules" and value == "on-demand"
    fits = {
        "update": value in _UPDATES,
        "shallow": _BOOLEAN.fullmatch(value) is not None,
        "fetchrecursesubmodules": on_demand or _BOOLEAN.fullmatch(value) is not None,
    }
    if not fits.get(setting, True):
        raise GitError(Cause.INVALID, f"{setting} of submodule {name} is not a value that Git accepts there")


def _suspicious(name: str) -> bool:
    return not name or ".." in re.split(r"[/\\]", name)


def _ignored(name: str, entry: Mapping[str, str]) -> str | None:
    if _suspicious(name):
        return f"the name {name!r}"
    option = next((key for key in ("path", "url") if entry.get(key, "").startswith("-")), None)
    return f"the {option} {entry[option]}" if option else None


def entry_findings(modules: Modules, path: str, *, at: str, full: str) -> Iterator[Finding]:
    """What is wrong with the entry of the submodule at ``path``, its address apart; ``full`` is its path in the Dag repository."""
    if path in modules.misspelt:
        yield GIT_SUBMODULE.misspelt(at, path=modules.misspelt[path], clean=path)
    if path in modules.skipped:
        yield GIT_SUBMODULE.skipped(at, path=full)
