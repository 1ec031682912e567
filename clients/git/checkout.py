"""The files of a repository at a ref, for an image build: the same bytes and modes on every machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from clients.errors import Cause
from clients.git.access import Access
from clients.git.errors import GitError
from clients.git.refs import ls_remote
from clients.git.session import Session

_LFS = (
    "-c", "filter.lfs.smudge=git-lfs smudge -- %f", "-c", "filter.lfs.clean=git-lfs clean -- %f",
    "-c", "filter.lfs.required=true",
)  # fmt: skip
"""What `git lfs install` configures (github.com/git-lfs/git-lfs), for one command and without the user's configuration."""


def lfs_is_installed() -> bool:
    """Whether this machine has git-lfs; then a checkout contains the content of Git LFS files."""
    return shutil.which("git-lfs") is not None


LIMIT = 300.0
"""Seconds that one step of a checkout may take."""


def checkout(
    url: str,
    ref: str,
    target: Path,
    *,
    access: Access,
    subdir: str | None = None,
    timeout: float = LIMIT,
) -> str:
    """Put the files of ``ref`` (or of its folder ``subdir``) into ``target`` and return the commit.

    ``target`` must not exist or be empty. Only one commit is fetched, and only the files under ``subdir`` if the host
    supports filters. Line endings are unchanged, no filter except Git LFS (if installed) runs, submodules stay empty
    folders, and no `.git` remains. Raises GitError (MISSING_REF, MISSING_PATH, or why the host did not answer).
    """
    with Session(access, timeout=timeout) as session:
        return _checkout(session, url, ref, target, subdir)


def _checkout(session: Session, url: str, ref: str, target: Path, subdir: str | None) -> str:
    refs = ls_remote(session, url)
    if refs.resolve(ref) is None:
        raise GitError(Cause.MISSING_REF, f"the repository has no branch or tag {ref}")
    clone = session.folder / "checkout.git"
    tree = session.folder / "checkout"
    tree.mkdir()
    session.git("init", "--quiet", "--bare", "--template=", str(clone))
    at = ("--git-dir", str(clone))
    session.git(*at, "remote", "add", "origin", url)
    partial = ("--filter=blob:none",) if subdir else ()
    session.git(
        *at, "fetch", "--quiet", "--depth=1", "--no-tags", *partial, "origin",
        f"+{refs.full_name(ref)}:refs/look/commit", url=url,
    )  # fmt: skip
    commit = session.git(*at, "rev-parse", "--verify", "refs/look/commit^{commit}").stdout.decode().strip()
    if subdir:
        found = session.git(*at, "ls-tree", "-d", "-z", commit, "--", subdir).stdout
        if not found:
            raise GitError(Cause.MISSING_PATH, f"{ref} has no folder {subdir}")
    plain = ("-c", "core.autocrlf=false", "-c", "core.symlinks=true", "-c", "core.fileMode=true")
    session.git(
        *at,
        "--work-tree",
        str(tree),
        *plain,
        *(_LFS if lfs_is_installed() else ()),
        "checkout",
        "--quiet",
        "--force",
        commit,
        "--",
        subdir or ".",
        url=url,
    )
    _move(tree / subdir if subdir else tree, target)
    return commit


def _move(source: Path, target: Path) -> None:
    """Move files, with modes that do not depend on this user's umask."""
    target.mkdir(parents=True, exist_ok=True)
    target.chmod(0o755)
    for path in sorted(source.rglob("*")):
        if path.is_symlink():
            continue
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
    for child in sorted(source.iterdir()):
        shutil.move(child, target / child.name)
