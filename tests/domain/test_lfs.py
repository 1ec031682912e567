"""Pointers of Git LFS."""

from __future__ import annotations

from domain.lfs import is_pointer


def test_pointers() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5\n"
    assert is_pointer(pointer)
    assert is_pointer(pointer.replace(b"git-lfs", b"hawser"))
    assert not is_pointer(pointer + b"x" * 1024)
    assert not is_pointer(b"a,b\n")
