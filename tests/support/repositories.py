"""Git repositories for tests, written with Git's command line and without the user's own settings."""

from __future__ import annotations

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


class Repository:
    """A bare repository with a work tree next to it; every commit goes straight to the bare one."""

    def __init__(self, bare: Path, *, branch: str = "main") -> None:
        self.bare = bare
        self.tree = bare.with_suffix(".work")
        bare.mkdir(parents=True)
        self.tree.mkdir()
        git("init", "--quiet", "--bare", f"--initial-branch={branch}", ".", cwd=bare)
        git("init", "--quiet", f"--initial-branch={branch}", ".", cwd=self.tree)
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
        git("add", "--all", cwd=self.tree)
        self._links |= {place: commit for place, (_, commit) in submodules.items()}
        for place, commit in self._links.items():
            # `git add` takes a submodule that is not checked out for a removed one.
            git("update-index", "--add", "--cacheinfo", f"160000,{commit},{place}", cwd=self.tree)
        for place, (url, _) in submodules.items():
            git("config", "--file", ".gitmodules", f"submodule.{place}.path", place, cwd=self.tree)
            git("config", "--file", ".gitmodules", f"submodule.{place}.url", url, cwd=self.tree)
            git("add", ".gitmodules", cwd=self.tree)
        replacing = ["--amend"] if amend else []
        git("commit", "--quiet", "--allow-empty", *replacing, "-m", message, cwd=self.tree)
        git("push", "--quiet", "--force", str(self.bare), f"HEAD:refs/heads/{branch}", cwd=self.tree)
        return git("rev-parse", "HEAD", cwd=self.tree)

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
        return git("rev-parse", "HEAD", cwd=self.tree)

    def tag(self, name: str) -> None:
        """Put an annotated tag on the newest commit."""
        git("tag", "-a", name, "-m", name, cwd=self.tree)
        git("push", "--quiet", str(self.bare), f"refs/tags/{name}", cwd=self.tree)
