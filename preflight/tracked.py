"""The commit that a branch, tag or commit id of the stack means."""

from __future__ import annotations

from clients.git import Cause, GitError, PartialClone, Refs
from domain.suggestions import near
from preflight.catalogue.git_checks import GIT_REF
from preflight.report import Finding


def tracked_commit(clone: PartialClone, refs: Refs, ref: str, *, url: str, at: str) -> str | Finding:
    """The commit of ``ref``, fetched without files; a finding at the key ``at`` when it does not exist. Raises GitError."""
    if refs.resolve(ref) is not None:
        branches = tuple(f"refs/heads/{name}" for name in refs.branches)
        try:
            return clone.fetch(refs.full_name(ref), branches=branches)
        except GitError as error:
            if error.cause is not Cause.MISSING_REF:
                raise
    empty = "one that exists: the repository is empty, or its host answers with a sign-in page"
    return GIT_REF.missing(at, ref=ref, url=url, near=near(ref, refs.names(), none=empty))
