"""The files of a repository for an image: the same on every machine."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from clients.git import Cause, GitError, checkout
from tests.clients.git.conftest import Host


@pytest.mark.parametrize("ref", ["main", "v1", "refs/heads/main"])
def test_a_ref_becomes_plain_files(host: Host, tmp_path: Path, ref: str) -> None:
    commit = checkout(host.url, ref, tmp_path / "out", access=host.access())
    assert commit == (host.first if ref == "v1" else host.newest)
    assert (tmp_path / "out/dags/a.py").read_text() == ("one\n" if ref == "v1" else "two\n")
    assert not list((tmp_path / "out").rglob(".git"))


def test_a_commit_becomes_plain_files(host: Host, tmp_path: Path) -> None:
    assert checkout(host.url, host.first, tmp_path / "out", access=host.access()) == host.first


def test_one_folder_only(host: Host, tmp_path: Path) -> None:
    host.private.commit({"big.bin": "x" * 500_000 + host.first})
    host.server.forget()
    checkout(host.url, "main", tmp_path / "out", access=host.access(), subdir="dags")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.py", "run.sh"]
    assert host.server.bytes_sent < 5_000


def test_modes_do_not_depend_on_the_umask(host: Host, tmp_path: Path) -> None:
    (host.private.tree / "dags/run.sh").chmod(0o755)
    host.private.commit({"link.txt": "x"})
    before = os.umask(0o077)
    try:
        checkout(host.url, "main", tmp_path / "out", access=host.access())
    finally:
        os.umask(before)
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in [tmp_path / "out", *(tmp_path / "out").rglob("*")]
    }
    assert modes == {
        "out": 0o755,
        "dags": 0o755,
        "run.sh": 0o755,
        "a.py": 0o644,
        "README.md": 0o644,
        "link.txt": 0o644,
    }


def test_line_endings_stay(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.autocrlf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    checkout(host.url, "main", tmp_path / "out", access=host.access())
    assert (tmp_path / "out/README.md").read_bytes() == b"hello\n"


@pytest.mark.parametrize(
    ("ref", "subdir", "cause"),
    [
        ("none", None, Cause.MISSING_REF),
        ("1" * 40, None, Cause.MISSING_REF),
        ("main", "nope", Cause.MISSING_PATH),
    ],
)
def test_what_is_not_there(host: Host, tmp_path: Path, ref: str, subdir: str | None, cause: Cause) -> None:
    with pytest.raises(GitError) as caught:
        checkout(host.url, ref, tmp_path / "out", access=host.access(), subdir=subdir)
    assert caught.value.cause is cause
    assert not (tmp_path / "out").exists()


def test_lfs_pointers_become_their_content_where_git_lfs_is_installed(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`git-lfs` is a program of the machine's; a stand-in answers as its smudge filter does."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 5\n"
    host.private.commit({".gitattributes": "*.csv filter=lfs\n", "seeds/raw.csv": pointer})
    checkout(host.url, "main", tmp_path / "without", access=host.access())
    assert (tmp_path / "without/seeds/raw.csv").read_text() == pointer
    program = tmp_path / "bin/git-lfs"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\ncat > /dev/null; echo "$1 $3"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    checkout(host.url, "main", tmp_path / "with", access=host.access())
    assert (tmp_path / "with/seeds/raw.csv").read_text() == "smudge seeds/raw.csv\n"
