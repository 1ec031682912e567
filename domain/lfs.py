"""Git LFS: which files a repository stores there, and the pointers that replace them."""

from __future__ import annotations

import re
from collections.abc import Mapping

POINTER = b"version https://git-lfs.github.com/spec/v1\n"
"""First line of a pointer (github.com/git-lfs/git-lfs, docs/spec.md), which is shorter than 1024 bytes."""
MOST = 1024
"""Maximum size of a pointer in bytes."""


def is_pointer(content: bytes) -> bool:
    r"""Whether a file is a Git LFS pointer.

    >>> is_pointer(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n")
    True
    """
    return len(content) < MOST and content.startswith(POINTER)


class LfsRules:
    """`filter=lfs` of every .gitattributes of a repository (gitattributes(5)): path of the file -> content."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        for path in sorted(files, key=lambda name: name.count("/")):
            folder = path.rpartition("/")[0]
            for line in files[path].decode(errors="replace").splitlines():
                pattern, *attributes = line.split() or [""]
                given = [item for item in attributes if item.lstrip("-!").partition("=")[0] == "filter"]
                if pattern and not pattern.startswith(("#", "[")) and given:
                    self._rules.append((_expression(folder, pattern.strip('"')), given[-1] == "filter=lfs"))

    def covers(self, path: str) -> bool:
        """Whether Git LFS stores the file, by the last rule that matches."""
        return next((lfs for rule, lfs in reversed(self._rules) if rule.fullmatch(path)), False)


def _expression(folder: str, pattern: str) -> re.Pattern[str]:
    anywhere = "/" not in pattern
    translated = "".join(
        {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
        for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern.lstrip("/"))
    )
    lead = f"{re.escape(folder)}/" if folder else ""
    return re.compile(f"{lead}{'(?:.*/)?' if anywhere else ''}{translated}")
