"""Symbolic links of a repository, followed without leaving it."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import links
from domain.links import LinkError, check_upwards, follow

NAMES = st.sampled_from(["a", "b", "..", ".", ".git", "", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@given(PATHS, st.dictionaries(PATHS, PATHS, max_size=4))
def test_a_followed_path_is_real_and_inside(path, targets):
    try:
        real = follow(path, targets.get)
    except LinkError:
        return
    parts = real.split("/") if real else []
    assert not {"..", ".", "", ".git"} & set(parts)
    assert not [part for count in range(len(parts)) if (part := "/".join(parts[: count + 1])) in targets]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("../x", "leads out of the repository"),
        ("/etc/passwd", "leads to an absolute path, which differs from machine to machine"),
        ("a/.GIT/config", "leads into .git, which contains credentials"),
        ("link", "leads in circles"),
    ],
)
def test_a_link_that_must_not_be_followed(target, reason):
    with pytest.raises(LinkError) as caught:
        follow("link", {"link": target}.get)
    assert (caught.value.path, caught.value.reason) == ("link", reason)


def test_a_link_upwards_is_refused():
    check_upwards("a/link", "b")
    for real in ("a", "", "a/link"):
        with pytest.raises(LinkError, match="leads upwards"):
            check_upwards("a/link/x", real)
    with pytest.raises(LinkError, match="leads upwards"):
        check_upwards("x", "shared", above=("shared/deep",))


def test_examples():
    assert doctest.testmod(links).failed == 0
