"""Git LFS: the pointers that replace the files in a repository."""

from __future__ import annotations

POINTERS = (b"version https://git-lfs.github.com/spec/v1\n", b"version https://hawser.github.com/spec/v1\n")
"""First line of a pointer, which is shorter than 1024 bytes, now and before Git LFS had its name (github.com/git-lfs/git-lfs, docs/spec.md)."""
MOST = 1024
"""Maximum size of a pointer in bytes."""


def is_pointer(content: bytes) -> bool:
    r"""Whether a file is a Git LFS pointer.

    >>> is_pointer(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n")
    True
    """
    return len(content) < MOST and content.startswith(POINTERS)
