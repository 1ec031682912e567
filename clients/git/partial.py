"""Reading single commits of a repository without cloning it.

One fetch gets a commit and its trees (`--depth=1 --filter=blob:none`), a second one the few files that are read. The
cost depends on the size of one commit's folders, not on history. Hosts without partial clone send the whole commit.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from clients.errors import Cause
from clients.git.errors import GitError
from clients.git.refs import Refs, require_fetchable
from clients.git.session import Session

_MODES = {"040000": "folder", "160000": "submodule", "120000": "link"}


@dataclass(frozen=True)
class Entry:
    """An entry of a commit's folders."""

    path: str
    """Path from the root of the repository."""
    kind: str
    """file, folder, link or submodule."""
    object_id: str
    """Git's object id; of a submodule the pinned commit."""


@dataclass(frozen=True)
class Lag:
    """How far a pinned commit is behind a branch or tag."""

    commits: int
    """Number of commits in the branch that are not in the pinned commit's history."""
    more: bool = False
    """True: history was followed only this far, so there may be more."""
    diverged: bool = False
    """True: the pinned commit is not part of the branch's history."""


@dataclass(frozen=True)
class Holder:
    """Where a commit is reachable from."""

    ref: str | None
    """Full name of a branch or tag that contains it; None: none was found."""
    unknown: bool = False
    """True: only part of history was followed, so there may be one."""


class PartialClone:
    """Commits of one repository, fetched one by one into a bare repository in the session's folder."""

    def __init__(self, session: Session, url: str) -> None:
        require_fetchable(url)
        self._session = session
        self._url = url
        self._filters = True
        self._folder = self._new_repository()

    def _new_repository(self) -> Path:
        folder = self._session.folder / f"look-{secrets.token_hex(4)}.git"
        config = (
            "[core]\n\trepositoryformatversion = 1\n\tbare = true\n"
            "[extensions]\n\tpartialClone = origin\n"
            f'[remote "origin"]\n\turl = {_quoted(self._url)}\n\tpromisor = true\n'
            "\tpartialclonefilter = blob:none\n\ttagOpt = --no-tags\n"
        )
        for name in ("objects", "refs"):
            (folder / name).mkdir(parents=True)
        (folder / "HEAD").write_text("ref: refs/heads/none\n", encoding="utf-8")
        (folder / "config").write_text(config, encoding="utf-8")
        return folder

    def _git(self, *arguments: str, folder: Path | None = None, stdin: bytes = b"") -> bytes:
        command = ("--git-dir", str(folder or self._folder), *arguments)
        output = self._session.git(*command, url=self._url, stdin=stdin)
        if "filtering not recognized" in output.stderr:
            self._filters = False
        return output.stdout

    def fetch(self, wanted: str, *, branches: tuple[str, ...] = ()) -> str:
        """Fetch one commit (a ref's full name or a commit id) and return its id.

        ``branches`` are full names of branches to search for the commit if the host serves only commits that a branch
        or tag points to. Raises GitError (MISSING_REF: no such commit).
        """
        try:
            self._git(
                "fetch", "--quiet", "--depth=1", "--filter=blob:none", "origin", f"+{wanted}:refs/look/commit"
            )
        except GitError as error:
            if error.cause is not Cause.UNADVERTISED or not branches:
                raise
            self._search(wanted, branches)
        return self._git("rev-parse", "--verify", "refs/look/commit^{commit}").decode().strip()

    def _search(self, commit: str, branches: tuple[str, ...]) -> None:
        refspecs = [f"+{name}:refs/look/search/{number}" for number, name in enumerate(branches)]
        self._git("fetch", "--quiet", "--filter=blob:none", "origin", *refspecs)
        found = self._git("rev-list", "--all").decode().split()
        if commit not in found:
            raise GitError(Cause.MISSING_REF, f"no branch or tag contains the commit {commit}")
        self._git("update-ref", "refs/look/commit", commit)

    def entries(self, commit: str) -> list[Entry]:
        """Every file, folder and submodule of a fetched commit."""
        output = self._git("ls-tree", "-r", "-t", "-z", commit).decode(errors="surrogateescape")
        entries = []
        for line in filter(None, output.split("\0")):
            meta, _, path = line.partition("\t")
            mode, _, object_id = meta.split()
            entries.append(Entry(path, _MODES.get(mode, "file"), object_id))
        return entries

    def read(self, files: list[Entry]) -> dict[str, bytes]:
        """Content of files by path, in at most one fetch."""
        wanted = sorted({entry.object_id for entry in files})
        missing = self._missing(wanted) if wanted else []
        if missing:
            try:
                # One request for all of them; git itself would fetch them one by one, with the same options.
                self._git(
                    "-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
                    "--filter=blob:none", "origin", *missing,
                )  # fmt: skip
            except GitError as error:
                if error.cause is not Cause.UNADVERTISED:
                    raise
                self._fetch_everything()
        return {entry.path: self._git("cat-file", "blob", entry.object_id) for entry in files}

    def stored(self) -> int:
        """Bytes of what was fetched, in Git's own compressed form."""
        return sum(file.stat().st_size for file in (self._folder / "objects").rglob("*") if file.is_file())

    def _fetch_everything(self) -> None:
        """Last resort for hosts that support filters but serve no single files: a clone, within the time limit."""
        self._folder = self._new_repository()
        self._git(
            "fetch",
            "--quiet",
            "--no-filter",
            "origin",
            "+refs/heads/*:refs/look/heads/*",
            "+refs/tags/*:refs/look/tags/*",
        )

    def _missing(self, objects: list[str]) -> list[str]:
        output = self._git("cat-file", "--batch-check", "--batch-all-objects", "--unordered")
        present = {line.split()[0] for line in output.decode().splitlines() if line}
        return [item for item in objects if item not in present]

    def _can_filter(self) -> bool:
        """False once the host has answered that it cannot."""
        return self._filters

    def lag(self, pin: str, ref: str, *, limit: int) -> Lag | None:
        """How many commits ``pin`` is behind ``ref`` (a full name), following at most ``limit`` commits of history.

        None if the host cannot send commits without their files, because that would take a full clone.
        """
        if not self._can_filter():
            return None
        folder = self._new_repository()
        self._git(
            "fetch", "--quiet", f"--depth={limit + 1}", "--filter=tree:0", "origin", f"+{ref}:refs/look/tip",
            folder=folder,
        )  # fmt: skip
        if not self._can_filter():
            return None
        history = self._git("rev-list", "refs/look/tip", folder=folder).decode().split()
        if pin in history:
            ahead = self._git("rev-list", "--count", "refs/look/tip", f"^{pin}", folder=folder)
            return Lag(int(ahead))
        cut = (folder / "shallow").exists()
        return Lag(len(history), more=cut, diverged=not cut)

    def holder(self, commit: str, refs: Refs, *, limit: int) -> Holder:
        """Branch or tag with ``commit`` in its history, following at most ``limit`` commits of each."""
        tips = {
            **{f"refs/tags/{k}": v for k, v in refs.tags.items()},
            **{f"refs/heads/{k}": v for k, v in refs.branches.items()},
        }
        at_tip = next((name for name, tip in tips.items() if tip == commit), None)
        if at_tip or not self._can_filter():
            return Holder(at_tip, unknown=at_tip is None)
        folder = self._new_repository()
        specs = ("+refs/heads/*:refs/look/heads/*", "+refs/tags/*:refs/look/tags/*")
        self._git(
            "fetch", "--quiet", f"--depth={limit + 1}", "--filter=tree:0", "origin", *specs, folder=folder
        )
        if commit in self._git("rev-list", "--all", folder=folder).decode().split():
            found = self._git(
                "for-each-ref", "--count=1", f"--contains={commit}", "--format=%(refname)", folder=folder
            )
            return Holder("refs/" + found.decode().strip().removeprefix("refs/look/"))
        return Holder(None, unknown=(folder / "shallow").exists())


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
