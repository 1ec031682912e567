"""Symbolic links of a commit, followed inside its tree as a checkout would follow them."""

from __future__ import annotations

from collections.abc import Mapping

from clients.git.partial import Entry, PartialClone
from domain import links


def follow(clone: PartialClone, entries: Mapping[str, Entry], path: str) -> str | None:
    """The path with all links resolved; None if a link leads out of the repository or in a circle. Raises GitError."""

    def readlink(place: str) -> str | None:
        entry = entries.get(place)
        if entry is None or entry.kind != "link":
            return None
        return clone.read([entry])[place].decode(errors="surrogateescape")

    try:
        return links.follow(path, readlink)
    except links.LinkError:
        return None
