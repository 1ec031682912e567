"""A repository's wanted commits as a bare repository on disk, for a build that must not have credentials.

Its files are the same on every machine, so that a build context with them is: objects are written one by one and
uncompressed, because packs and compression differ between versions of Git and zlib.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from clients.errors import Cause
from clients.git.access import Access
from clients.git.checkout import LIMIT
from clients.git.errors import GitError
from clients.git.refs import Refs, default_branch, ls_remote
from clients.git.session import Session

# A commit may be asked for by its id, whichever Git serves the mirror.
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[uploadpack]\n\tallowAnySHA1InWant = true\n"
_HEAD = "refs/heads/astro-dbt"
_STORED = 0xFFFF


@dataclass(frozen=True)
class Mirrored:
    """A commit in a mirror."""

    commit: str
    """Its id."""
    files: Mapping[str, bytes]
    """Content of the files that were asked for and exist: path -> content."""


def mirror(
    url: str,
    revisions: Collection[str | None],
    target: Path,
    *,
    access: Access,
    read: Collection[str] = (),
    timeout: float = LIMIT,
) -> dict[str | None, Mirrored]:
    """Write a bare repository with ``revisions`` into ``target``, which must not exist or be empty.

    A revision is a tag (which takes precedence, as for dbt), a branch, a full commit id, or None for the default branch;
    each comes without its history. ``read`` are paths of files to return. ``timeout`` is in seconds per step.
    Raises GitError (MISSING_REF, or why the host did not answer).
    """
    with Session(access, timeout=timeout) as session:
        refs = ls_remote(session, url)
        names = {revision: _full_name(session, url, refs, revision) for revision in revisions}
        clone = session.folder / "mirror.git"
        at = ("--git-dir", str(clone))
        session.git("init", "--quiet", "--bare", "--template=", str(clone))
        wanted = [f"+{name}:refs/wanted/{number}" for number, name in enumerate(names.values())]
        session.git(*at, "fetch", "--quiet", "--depth=1", "--no-tags", url, *wanted, url=url)
        found = {}
        for number, revision in enumerate(names):
            spec = f"refs/wanted/{number}^{{commit}}"
            commit = session.git(*at, "rev-parse", "--verify", spec).stdout.decode().strip()
            found[revision] = Mirrored(commit, _read(session, at, commit, read))
        tips = {names[revision]: item.commit for revision, item in found.items()}
        # A clone fetches branches only if HEAD is one of them.
        head = names.get(None, _HEAD)
        tips.setdefault(head, min(tips.values()))
        _write(session, at, target, tips, head=head)
        shallow = clone / "shallow"
        if shallow.exists():
            (target / "shallow").write_text("".join(sorted(shallow.read_text().splitlines(keepends=True))))
    return found


def _full_name(session: Session, url: str, refs: Refs, revision: str | None) -> str:
    if revision is None:
        branch = default_branch(session, url, refs)
        if branch is None:
            raise GitError(Cause.MISSING_REF, "the repository has no default branch")
        return f"refs/heads/{branch}"
    if revision in refs.tags:
        return f"refs/tags/{revision}"
    if refs.resolve(revision) is None:
        raise GitError(Cause.MISSING_REF, f"the repository has no branch or tag {revision}")
    return refs.full_name(revision)


def _read(session: Session, at: tuple[str, str], commit: str, paths: Collection[str]) -> dict[str, bytes]:
    listed = session.git(*at, "ls-tree", "-z", commit, "--", *paths).stdout.decode() if paths else ""
    entries = (line.partition("\t") for line in filter(None, listed.split("\0")))
    blobs = {path: meta.split()[2] for meta, _, path in entries if meta.split()[1] == "blob"}
    return {path: session.git(*at, "cat-file", "blob", blob).stdout for path, blob in blobs.items()}


def _write(
    session: Session, at: tuple[str, str], target: Path, refs: Mapping[str, str], *, head: str
) -> None:
    commits = sorted(set(refs.values()))
    objects = session.git(*at, "rev-list", "--objects", "--no-object-names", *commits).stdout
    batch = session.git(*at, "cat-file", "--batch", stdin=objects).stdout
    at_byte = 0
    while at_byte < len(batch):
        end = batch.index(b"\n", at_byte)
        identity, kind, size = batch[at_byte:end].split()
        name, at_byte = identity.decode(), end + 1 + int(size) + 1
        path = target / "objects" / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stored(b"%s %s\0" % (kind, size) + batch[end + 1 : at_byte - 1]))
    # Git does not recognise a repository without this folder, and a build context has no empty ones.
    (target / "refs").mkdir(parents=True, exist_ok=True)
    (target / "refs" / "README").write_text("The branches and tags are in packed-refs.\n", encoding="ascii")
    lines = [f"{commit} {name}\n" for name, commit in sorted(refs.items()) if name.startswith("refs/")]
    header_line = "# pack-refs with: sorted \n"
    (target / "packed-refs").write_text(header_line + "".join(lines), encoding="utf-8")
    (target / "config").write_text(_CONFIG, encoding="ascii")
    (target / "HEAD").write_text(f"ref: {head}\n", encoding="utf-8")


def stored(data: bytes) -> bytes:
    """A zlib stream (RFC 1950) of ``data`` without compression, in blocks as long as deflate allows (RFC 1951).

    >>> zlib.decompress(stored(b"x" * 200_000)) == b"x" * 200_000
    True
    """
    stream = bytearray(b"\x78\x01")
    for start in range(0, max(len(data), 1), _STORED):
        block = data[start : start + _STORED]
        last = start + _STORED >= len(data)
        stream += struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block
    return bytes(stream + struct.pack(">I", zlib.adler32(data)))
