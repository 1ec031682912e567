"""The commits of a dbt project between what agents have and what they get."""

from __future__ import annotations

from clients.git import Access, GitError, Session
from clients.git.refs import require_fetchable
from review.model import Commits

LIMIT = 20
"""Maximum number of commits in a report."""
_LONGEST = 100


def between(url: str, before: str, after: str, *, access: Access, timeout: float = 15) -> Commits:
    """Commits in the history of ``after`` but not of ``before``, newest first; a problem becomes part of the result.

    Fetches history without files (`--filter=tree:0`), one commit more than the report may list.
    """
    try:
        with Session(access, timeout=timeout) as session:
            return _read(session, url, before, after)
    except GitError as error:
        return Commits(problem=str(error))


def _read(session: Session, url: str, before: str, after: str) -> Commits:
    require_fetchable(url)
    folder = str(session.folder / "log.git")
    session.git("init", "--quiet", "--bare", folder)
    session.git(
        "--git-dir", folder, "fetch", "--quiet", "--no-tags", f"--depth={LIMIT + 1}", "--filter=tree:0", "--",
        url, f"+{after}:refs/review/after",
        url=url,
    )  # fmt: skip
    output = session.git("--git-dir", folder, "log", "--format=%H%x00%s", "--topo-order", "refs/review/after")
    history = [line.partition("\0") for line in output.stdout.decode(errors="replace").splitlines()]
    commits = [commit for commit, _, _ in history]
    if before in commits:
        new = session.git(
            "--git-dir", folder, "log", "--format=%H%x00%s", "--topo-order", "refs/review/after", f"^{before}"
        )
        found = [line.partition("\0") for line in new.stdout.decode(errors="replace").splitlines()]
        return Commits(subjects=tuple((commit, _short(subject)) for commit, _, subject in found))
    if len(history) <= LIMIT:
        return Commits(back=True)
    return Commits(
        subjects=tuple((commit, _short(subject)) for commit, _, subject in history[:LIMIT]), more=True
    )


def _short(subject: str) -> str:
    return subject if len(subject) <= _LONGEST else f"{subject[: _LONGEST - 1]}…"
