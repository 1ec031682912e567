"""Git repositories for tests, written with Git's command line and without the user's own settings."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.support.stacks import ROOT
from trial import git_server

_AUTHOR = {
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
}


def git(*arguments: str, cwd: Path, variables: Mapping[str, str] | None = None) -> str:
    """Output of Git, without the user's settings. Raises TrialError: it failed."""
    return git_server.git(*arguments, cwd=cwd, env={**_AUTHOR, **(variables or {})}).strip()


def tracked(*patterns: str) -> list[str]:
    """Files of this project that Git tracks."""
    # The user's settings, which say that the folder is safe, are left out.
    safe = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    return git("ls-files", *patterns, cwd=ROOT, variables=safe).splitlines()


def _create(folder: Path, *, bare: bool, branch: str) -> None:
    """What `git init` writes, without hooks and comments; an empty repository is a few files, not a process."""
    for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (folder / name).mkdir(parents=True)
    (folder / "HEAD").write_text(f"ref: refs/heads/{branch}\n", encoding="utf-8")
    # Without these, each `git commit` also starts a `git maintenance run`.
    upkeep = "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
    core = f"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = {str(bare).lower()}\n"
    (folder / "config").write_text(core + upkeep, encoding="utf-8")


class Repository:
    """A bare repository with a work tree next to it; every commit goes straight to the bare one.

    Both share one folder of objects, so that a push is a reference that is written: Git's own push is six
    processes, and hundreds of tests commit.
    """

    def __init__(self, bare: Path, *, branch: str = "main") -> None:
        self.bare = bare
        self.tree = bare.with_suffix(".work")
        _create(bare, bare=True, branch=branch)
        _create(self.tree / ".git", bare=False, branch=branch)
        shutil.rmtree(self.tree / ".git" / "objects")
        (self.tree / ".git" / "objects").symlink_to(bare.absolute() / "objects")
        self._links: dict[str, str] = {}

    def commit(
        self,
        files: Mapping[str, str | None] = {},
        *,
        submodules: Mapping[str, tuple[str, str]] = {},
        message: str = "Change",
        branch: str = "main",
        amend: bool = False,
    ) -> str:
        """Commit files (None removes one) and submodules (path -> (URL, commit)); return the commit.

        With `amend` it takes the place of the newest commit, which the bare repository is forced to let go.
        """
        for name, content in files.items():
            path = self.tree / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
        for place, (url, _) in submodules.items():
            self._register(place, url)
        git("add", "--all", cwd=self.tree)
        self._links |= {place: commit for place, (_, commit) in submodules.items()}
        if self._links:
            # `git add` takes a submodule that is not checked out for a removed one.
            entries = [f"160000,{commit},{place}" for place, commit in self._links.items()]
            options = [item for entry in entries for item in ("--cacheinfo", entry)]
            git("update-index", "--add", *options, cwd=self.tree)
        replacing = ["--amend"] if amend else []
        git("commit", "--quiet", "--allow-empty", *replacing, "-m", message, cwd=self.tree)
        newest = self.head()
        self._point(f"refs/heads/{branch}", newest)
        return newest

    def _register(self, place: str, url: str) -> None:
        """Add a submodule to .gitmodules, or change its URL."""
        path = self.tree / ".gitmodules"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if f'[submodule "{place}"]' in text:
            git("config", "--file", ".gitmodules", f"submodule.{place}.path", place, cwd=self.tree)
            git("config", "--file", ".gitmodules", f"submodule.{place}.url", url, cwd=self.tree)
        else:
            added = f'[submodule "{place}"]\n\tpath = {place}\n\turl = {url}\n'
            path.write_text(text + added, encoding="utf-8")

    def _point(self, reference: str, commit: str) -> None:
        """Point a reference of the bare repository at an object."""
        path = self.bare / reference
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{commit}\n", encoding="ascii")

    def age(self, commits: int) -> None:
        """Add many commits to main at once, by `git fast-import`, which makes thousands in a second."""
        ref = "refs/heads/main"
        lines = [f"reset {ref}\nfrom {self.head()}\n\n"]
        for number in range(commits):
            text = f"-- {number}\n"
            lines.append(f"commit {ref}\ncommitter Test <test@example.com> {1_750_000_000 + number} +0000\n")
            lines.append(f"data 7\nChange\n\nM 644 inline models/aged.sql\ndata {len(text)}\n{text}\n")
        git_server.git("fast-import", "--quiet", cwd=self.bare, stdin="".join(lines))

    def clean_up(self) -> None:
        """Remove what nothing refers to any longer from the bare repository, as hosts do in time."""
        git("reflog", "expire", "--expire=now", "--all", cwd=self.bare)
        git("gc", "--quiet", "--prune=now", cwd=self.bare)

    def head(self) -> str:
        """The newest commit."""
        _, _, reference = (self.tree / ".git" / "HEAD").read_text(encoding="ascii").strip().partition("ref: ")
        loose = self.tree / ".git" / reference
        if reference and loose.is_file():
            return loose.read_text(encoding="ascii").strip()
        return git("rev-parse", "HEAD", cwd=self.tree)

    def tag(self, name: str) -> None:
        """Put an annotated tag on the newest commit."""
        git("tag", "-a", name, "-m", name, cwd=self.tree)
        tag = (self.tree / ".git" / "refs" / "tags" / name).read_text(encoding="ascii").strip()
        self._point(f"refs/tags/{name}", tag)
