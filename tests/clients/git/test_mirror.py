"""Mirrors of single commits, cloned from as `dbt deps` does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from clients.git import Cause, GitError, mirror
from tests.clients.git.conftest import TOKEN, Host

CONFIG = "[safe]\n\tdirectory = *\n"


def clone(source: Path, revision: str, target: Path) -> str:
    """The commands of dbt-core 1.11 (dbt/deps/git.py) for a package; the commit that is checked out."""
    config = target.parent / "config"
    config.write_text(CONFIG)
    environment = {"PATH": "/usr/bin:/bin", "GIT_CONFIG_GLOBAL": str(config), "LC_ALL": "C"}

    def git(*words: str, cwd: Path) -> str:
        ended = subprocess.run(
            ["git", *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    git("clone", "--depth", "1", f"file://{source}", target.name, cwd=target.parent)
    if len(revision) == 40:
        git("fetch", "origin", "--depth", "1", revision, cwd=target)
        spec = revision
    else:
        git("remote", "set-branches", "origin", revision, cwd=target)
        git("fetch", "origin", "--depth", "1", "--tags", revision, cwd=target)
        spec = (
            f"tags/{revision}"
            if revision in git("tag", "--list", cwd=target).split()
            else f"origin/{revision}"
        )
    git("reset", "--hard", spec, cwd=target)
    return git("rev-parse", "HEAD", cwd=target)


def test_every_kind_of_revision_can_be_cloned(host: Host, tmp_path: Path) -> None:
    wanted = (None, "main", "v1", host.first)
    found = mirror(
        host.url, wanted, tmp_path / "mirror", access=host.access(), read=["README.md", "none.yml"]
    )
    assert {revision: item.commit for revision, item in found.items()} == {
        None: host.newest, "main": host.newest, "v1": host.first, host.first: host.first
    }  # fmt: skip
    assert found["v1"].files == {"README.md": b"hello\n"}
    for number, revision in enumerate(("HEAD", "main", "v1", host.first)):
        expected = host.newest if revision in {"HEAD", "main"} else host.first
        assert clone(tmp_path / "mirror", revision, tmp_path / f"clone-{number}") == expected


@pytest.mark.parametrize("only", ["v1", "commit"])
def test_one_old_revision_is_enough_for_a_clone(host: Host, tmp_path: Path, only: str) -> None:
    revision = host.first if only == "commit" else only
    mirror(host.url, [revision], tmp_path / "mirror", access=host.access())
    assert clone(tmp_path / "mirror", revision, tmp_path / "clone") == host.first
    assert (tmp_path / "clone/dags/a.py").read_text() == "one\n"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_mirror_is_the_same_everywhere_and_holds_no_history_and_no_credential(
    host: Host, tmp_path: Path
) -> None:
    host.private.commit({"big.txt": "x" * 200_000})
    for name in ("one", "two"):
        mirror(host.url, ["main", "v1"], tmp_path / name, access=host.access())
    one = contents(tmp_path / "one")
    assert one == contents(tmp_path / "two")
    assert f"objects/{host.newest[:2]}/{host.newest[2:]}" not in one
    everything = b"".join(one.values())
    assert b"robot" not in everything
    assert TOKEN.encode() not in everything


def test_missing_revision(host: Host, tmp_path: Path) -> None:
    for revision in ("none", "1" * 40):
        with pytest.raises(GitError) as caught:
            mirror(host.url, [revision], tmp_path / "mirror", access=host.access())
        assert caught.value.cause is Cause.MISSING_REF
