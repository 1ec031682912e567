"""dbt packages that a project asks for (docs.getdbt.com, docs/build/packages), as far as they come from Git or a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from posixpath import join, normpath

from domain.plain_yaml import PlainYamlError, load

PACKAGES_FILES = ("packages.yml", "dependencies.yml")
"""Files in which a project or a package lists its packages."""
LOCK_FILE = "package-lock.yml"
"""What `dbt deps` resolved, packages of packages included; with it dbt installs exactly these."""


@dataclass(frozen=True)
class GitPackage:
    """A package that `dbt deps` clones."""

    url: str
    """Address as the file has it: dbt passes it to Git unchanged."""
    revision: str | None
    """Branch, tag or full commit id; None for the repository's default branch."""
    folder: str = ""
    """`subdirectory`; empty for the root."""


@dataclass(frozen=True)
class PackageList:
    """Packages that one or more files ask for, without those of a package registry."""

    git: tuple[GitPackage, ...] = ()
    """Git packages whose address is plain text."""
    templated: tuple[str, ...] = ()
    """Addresses of Git packages, and folders, that only dbt can render (`{{ env_var(…) }}`)."""
    local: tuple[str, ...] = ()
    """Folders, relative to the root project, as the file has them."""

    @classmethod
    def of(cls, files: Mapping[str, bytes], *names: str) -> PackageList:
        """Packages in the files ``names`` (file name -> content); a file that is missing or not YAML has none.

        >>> PackageList.of({"packages.yml": b"packages: [{git: 'https://h/m.git', revision: 0.8}]"}, "packages.yml").git
        (GitPackage(url='https://h/m.git', revision='0.8', folder=''),)
        """
        entries = [entry for name in names for entry in _entries(files.get(name, b""))]
        git = [entry for entry in entries if isinstance(entry.get("git"), str)]
        plain = [entry for entry in git if "{{" not in str(entry["git"])]
        folders = [str(entry["local"]) for entry in entries if isinstance(entry.get("local"), str)]
        return cls(
            tuple(package for entry in plain for package in _git(entry)),
            (
                *(str(entry["git"]) for entry in git if entry not in plain),
                *(folder for folder in folders if "{{" in folder),
            ),
            tuple(folder for folder in folders if "{{" not in folder),
        )


def local_folder(project: str, path: str) -> str | None:
    """Folder of a local package, from the root of the repository; None when it is outside.

    ``project`` is the project's folder in it. dbt normalises the path as text, before any link is followed.

    >>> local_folder("analytics/jaffle", "../../shared"), local_folder("jaffle", "../../shared")
    ('shared', None)
    """
    if path.startswith(("/", "~")):
        return None
    found = normpath(join(project, path))
    if found == ".." or found.startswith("../"):
        return None
    return "" if found == "." else found


def is_inside(folder: str, other: str) -> bool:
    """Whether ``folder`` is ``other`` or below it; an empty path is the root."""
    return not other or folder == other or folder.startswith(f"{other}/")


def _entries(content: bytes) -> list[dict[str, object]]:
    try:
        document = load(content)
    except PlainYamlError:
        return []
    listed = document.get("packages") if isinstance(document, dict) else None
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def _git(entry: Mapping[str, object]) -> list[GitPackage]:
    revision, folder = entry.get("revision"), entry.get("subdirectory")
    revisions = revision if isinstance(revision, list) and revision else [revision]
    where = normpath(folder).strip("/") if isinstance(folder, str) and folder else ""
    return [
        GitPackage(
            str(entry["git"]), None if item in {None, "HEAD"} else str(item), "" if where == "." else where
        )
        for item in revisions
    ]
