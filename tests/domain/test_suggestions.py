"""What to write instead of a name that does not exist."""

from __future__ import annotations

import doctest

import pytest

from domain import suggestions
from domain.suggestions import near, nearest


@pytest.mark.parametrize(
    ("name", "known", "text"),
    [
        ("mian", ["main", "develop"], "main if you meant that"),
        ("MAIN", ["main", "x"], "main if you meant that"),
        ("x", [], "another one"),
        ("xyz", ["main"], "main"),
        ("xyz", ["b", "a"], "one of a, b"),
        ("xyz", ["f", "e", "d", "c", "b", "a"], "one of a, b, c, d, e (6 in all)"),
        ("xyz", ["a", "a"], "a"),
    ],
)
def test_the_closest_name_else_a_few_else_the_fallback(name: str, known: list[str], text: str) -> None:
    assert near(name, known, none="another one") == text


def test_a_name_that_is_like_no_other_has_no_nearest_one() -> None:
    assert nearest("zzz", ["main", "develop"]) is None
    assert doctest.testmod(suggestions).failed == 0
