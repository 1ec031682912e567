"""What .gitattributes means, decided by Git itself: its patterns, macros and quoting are more than a few rules."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from clients.git.session import Session

ATTRIBUTES = ".gitattributes"
"""Name of such a file."""


def in_lfs(session: Session, attributes: Mapping[str, bytes], paths: Iterable[str]) -> list[str]:
    """Those of ``paths`` that Git LFS stores; ``attributes`` holds every .gitattributes of the commit by path.

    Raises GitError.
    """
    if not any(b"lfs" in content for content in attributes.values()):
        return []
    folder = Path(tempfile.mkdtemp(prefix="attributes-", dir=session.folder))
    session.git("init", "--quiet", "--template=", str(folder))
    for path, content in attributes.items():
        if {"..", ".git", ""}.isdisjoint(part.lower() for part in path.split("/")):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    asked = b"".join(os.fsencode(path) + b"\0" for path in paths)
    command = ("-C", str(folder), "check-attr", "-z", "--stdin", "filter")
    fields = session.git(*command, stdin=asked).stdout.split(b"\0")
    return [
        os.fsdecode(path) for path, value in zip(fields[::3], fields[2::3], strict=False) if value == b"lfs"
    ]
