"""Symbolic links of a commit, followed inside its tree as a checkout would follow them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from clients.git.partial import Entry, PartialClone

_MOST = 40
"""Links that are followed for one path, as Linux does (path_resolution(7))."""


def follow(clone: PartialClone, entries: Mapping[str, Entry], path: str) -> str | None:
    """The path without links in it; None when a link leads out of the repository or in a circle. Raises GitError."""
    done: list[str] = []
    rest = path.split("/")
    for _ in range(_MOST):
        while rest:
            part = rest.pop(0)
            here = "/".join([*done, part])
            entry = entries.get(here)
            if entry is None or entry.kind != "link":
                done.append(part)
                continue
            target = clone.read([entry])[here].decode(errors="surrogateescape")
            joined = posixpath.normpath(posixpath.join(*done, target, *rest))
            if target.startswith("/") or joined == ".." or joined.startswith("../"):
                return None
            done, rest = [], joined.split("/")
            break
        else:
            return "/".join(done)
    return None
