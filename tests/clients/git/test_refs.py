"""Branches and tags by name."""

from __future__ import annotations

import pytest

from clients.errors import Cause
from clients.git import GitError
from clients.git.refs import Refs, require_fetchable

COMMIT = "a" * 40
REFS = Refs({"main": "1" * 40, "both": "2" * 40}, {"v1": "3" * 40, "both": "4" * 40})


@pytest.mark.parametrize(
    ("ref", "commit", "full"),
    [
        ("main", "1" * 40, "refs/heads/main"),
        ("refs/heads/main", "1" * 40, "refs/heads/main"),
        ("v1", "3" * 40, "refs/tags/v1"),
        ("both", "2" * 40, "refs/heads/both"),
        (COMMIT, COMMIT, COMMIT),
        ("none", None, "none"),
        ("abc123", None, "abc123"),
    ],
)
def test_resolving(ref, commit, full):
    assert (REFS.resolve(ref), REFS.full_name(ref)) == (commit, full)


def test_names_are_listed_once():
    assert REFS.names() == ["both", "main", "v1"]


def test_an_address_that_git_would_read_as_an_option():
    with pytest.raises(GitError) as caught:
        require_fetchable("--upload-pack=id")
    assert caught.value.cause is Cause.NOT_FOUND
