"""Branches and tags of a repository."""

from __future__ import annotations

import re
from dataclasses import dataclass

from clients.errors import Cause
from clients.git.errors import GitError
from clients.git.session import Session

_COMMIT = re.compile(r"^[0-9a-f]{40}([0-9a-f]{24})?$")


@dataclass(frozen=True)
class Refs:
    """Branches and tags of a repository, by name, with the commit that each one points to."""

    branches: dict[str, str]
    """Branch -> commit."""
    tags: dict[str, str]
    """Tag -> commit (of an annotated tag: the commit, not the tag object)."""

    def resolve(self, ref: str) -> str | None:
        """Commit of a branch, a tag or a full commit id, in this order; None if no such branch or tag exists.

        A full commit id is returned unchanged, because only a fetch shows whether it exists.
        """
        name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        found = self.branches.get(name) or self.tags.get(name)
        return found or (ref if _COMMIT.match(ref) else None)

    def full_name(self, ref: str) -> str:
        """Name to fetch ``ref`` by: refs/heads/…, refs/tags/… or the commit itself."""
        name = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        if name in self.branches:
            return f"refs/heads/{name}"
        return f"refs/tags/{name}" if name in self.tags else ref

    def names(self) -> list[str]:
        """Names of all branches and tags."""
        return sorted({*self.branches, *self.tags})


def ls_remote(session: Session, url: str) -> Refs:
    """Branches and tags of the repository (two requests over https). Raises GitError."""
    require_fetchable(url)
    output = session.git("ls-remote", "--heads", "--tags", "--", url, url=url).stdout.decode(errors="replace")
    branches: dict[str, str] = {}
    tags: dict[str, str] = {}
    for line in output.splitlines():
        commit, _, name = line.partition("\t")
        if name.startswith("refs/heads/"):
            branches[name.removeprefix("refs/heads/")] = commit
        elif name.startswith("refs/tags/"):
            # The line with ^{} follows the tag's own and names the commit.
            tags[name.removeprefix("refs/tags/").removesuffix("^{}")] = commit
    return Refs(branches, tags)


def default_branch(session: Session, url: str, refs: Refs) -> str | None:
    """The branch that the repository's HEAD names; None if the host does not report it. Raises GitError."""
    if len(refs.branches) == 1:
        return next(iter(refs.branches))
    require_fetchable(url)
    output = session.git("ls-remote", "--symref", "--", url, "HEAD", url=url).stdout.decode(errors="replace")
    found = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", output, re.MULTILINE)
    return found[1] if found else None


def require_fetchable(url: str) -> None:
    """Refuse an address that git would parse as an option."""
    if url.startswith("-"):
        raise GitError(Cause.NOT_FOUND, "the address is not a clone URL")
