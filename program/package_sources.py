"""What the image build needs to install a project's dbt packages: it has no credentials, so the program fetches for it.

Git packages become bare repositories in the build context, which Git's `insteadOf` puts in the place of their addresses, so
that dbt resolves revisions, packages of packages and the lock file as always. Local packages outside the project
are staged in a tree with the same relative paths.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import join

from clients.git import Mirrored
from clients.source_tree import SourceTree
from delivery.recipe import PACKAGES_PATH
from domain.address import AddressError, RepositoryAddress, redacted
from domain.dbt_packages import LOCK_FILE, PACKAGES_FILES, GitPackage, PackageList, is_inside, local_folder
from domain.links import LinkError

Mirror = Callable[[str, Collection[str | None], Path, Collection[str]], Mapping[str | None, Mirrored]]
"""Writes a repository (address, revisions) into an empty folder and returns files by path; raises what stops the build."""

MOST_REPOSITORIES = 50
"""Repositories that one project's packages may come from."""


class PackageError(Exception):
    """A dbt package that cannot be staged; the text continues `the dbt package …`."""


def package_files(
    tree: SourceTree, *, packages: str, vendored: bool, scratch: Path, mirror: Mirror
) -> dict[str, bytes | Path]:
    """Files that the step for a project's packages sees, by name.

    ``packages`` is the folder that dbt installs them into, ``vendored`` whether the repository has them, and ``scratch``
    a folder for mirrors. Raises PackageError, and what ``mirror`` raises.
    """
    staging = _Staging(tree, scratch, mirror)
    if not vendored:
        staging.collect()
    facts = {"packages": packages, "folder": staging.start if staging.is_outside else None}
    return {
        "staged.json": json.dumps(facts, sort_keys=True).encode() + b"\n",
        "gitconfig": staging.git_config().encode(),
        **staging.files(),
    }


@dataclass
class _Staging:
    tree: SourceTree
    scratch: Path
    mirror: Mirror
    local: dict[str, SourceTree] = field(default_factory=dict)
    git: dict[str, set[GitPackage]] = field(default_factory=dict)
    mirrors: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = self.tree.folder.relative_to(self.tree.boundary).as_posix()
        self.start = "" if found == "." else found

    @property
    def is_outside(self) -> bool:
        """Whether a local package is outside the project."""
        return any(not is_inside(folder, self.start) for folder in self.local)

    def collect(self) -> None:
        """Find all packages, and packages of packages, and mirror those from Git."""
        self._add(PackageList.of(_read(self.tree, *PACKAGES_FILES), *PACKAGES_FILES))
        self._add(PackageList.of(_read(self.tree, LOCK_FILE), LOCK_FILE))
        done: dict[str, set[GitPackage]] = {}
        while changed := [url for url in sorted(self.git) if done.get(url) != self.git[url]]:
            if len(self.git) > MOST_REPOSITORIES:
                raise PackageError(f"{redacted(changed[0])} is one of more than {MOST_REPOSITORIES}")
            for url in changed:
                done[url] = set(self.git[url])
                for found in self._mirrored(url, done[url]):
                    self._add(found)

    def _add(self, found: PackageList) -> None:
        for package in found.git:
            if _can_be_mirrored(package.url):
                self.git.setdefault(package.url, set()).add(package)
        for path in found.local:
            folder = local_folder(self.start, path)
            if folder is None:
                raise PackageError(f"{path} is outside the project's repository")
            if folder in self.local:
                continue
            try:
                self.local[folder] = SourceTree(self.tree.boundary, folder)
                listed = _read(self.local[folder], *PACKAGES_FILES)
            except LinkError as error:
                raise PackageError(f"{path} has the link {error.path}, which {error.reason}") from None
            if not self.local[folder].folder.is_dir():
                raise PackageError(f"{path} does not exist")
            self._add(PackageList.of(listed, *PACKAGES_FILES))

    def _mirrored(self, url: str, packages: set[GitPackage]) -> Iterator[PackageList]:
        target = self.scratch / str(len(list(self.scratch.iterdir())) if self.scratch.exists() else 0)
        target.mkdir(parents=True)
        revisions = sorted({package.revision for package in packages}, key=str)
        paths = sorted({join(package.folder, name) for package in packages for name in PACKAGES_FILES})
        found = self.mirror(url, revisions, target, paths)
        self.mirrors[url] = target
        for package in sorted(packages, key=str):
            read = found[package.revision].files
            names = tuple(join(package.folder, name) for name in PACKAGES_FILES)
            listed = PackageList.of(read, *names)
            yield PackageList(listed.git, listed.templated)  # dbt finds no local package of a Git package

    def git_config(self) -> str:
        """Git's configuration for `dbt deps`: the mirrors belong to another user than the one who clones them."""
        lines = ["[safe]\n\tdirectory = *\n"]
        for number, url in enumerate(sorted(self.mirrors)):
            escaped = url.replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'[url "file://{PACKAGES_PATH}/git/{number}"]\n\tinsteadOf = "{escaped}"\n')
        return "".join(lines)

    def files(self) -> dict[str, bytes | Path]:
        """Mirrors and, for local packages outside the project, everything that `dbt deps` reads."""
        found: dict[str, bytes | Path] = {
            f"git/{number}/{path.relative_to(self.mirrors[url]).as_posix()}": path
            for number, url in enumerate(sorted(self.mirrors))
            for path in self.mirrors[url].rglob("*")
            if path.is_file()
        }
        if self.is_outside:
            own = _read(self.tree, "dbt_project.yml", *PACKAGES_FILES, LOCK_FILE)
            found |= {f"tree/{join(self.start, name)}": content for name, content in own.items()}
            for folder, tree in self.local.items():
                found |= {f"tree/{join(folder, name)}": path for name, path in tree.files()}
        return found


def _read(tree: SourceTree, *names: str) -> dict[str, bytes]:
    return {name: content for name in names if (content := tree.read(name)) is not None}


def _can_be_mirrored(url: str) -> bool:
    """Whether this is an address of a host; dbt may be given a path of the image as well."""
    try:
        address = RepositoryAddress.parse(url)
    except AddressError:
        return False
    if address.carries_credentials:
        raise PackageError(
            f"{redacted(url)} has credentials in its address, which everybody with the image could read"
        )
    return True
