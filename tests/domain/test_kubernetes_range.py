"""Helm's version ranges for Kubernetes (Masterminds/semver)."""

from __future__ import annotations

import pytest

from domain.kubernetes_range import admits


@pytest.mark.parametrize(
    ("wanted", "inside", "outside"),
    [
        (">=1.30.0-0", "1.30.0-eks-123", "1.29.9"),
        (">=1.30, <1.37", "1.36.3", "1.37.0"),
        (">1.30", "1.31.0", "1.30.5"),
        ("<=1.30", "1.30.9", "1.31.0"),
        ("1.30.x", "1.30.7", "1.31.0"),
        ("1.*", "1.99.0", "2.0.0"),
        ("^1.30", "1.99.0", "1.29.0"),
        ("~1.30.2", "1.30.9", "1.31.0"),
        ("1.30 - 1.32", "1.32.9", "1.33.0"),
        ("!=1.31.0", "1.31.1", "1.31.0"),
        ("<1.20 || >=1.30", "1.19.0", "1.25.0"),
    ],
)
def test_ranges(wanted, inside, outside):
    assert (admits(wanted, inside), admits(wanted, outside)) == (True, False)


@pytest.mark.parametrize("wanted", ["", "recent", ">=1.30 and then some", "=>1.30"])
def test_a_range_that_cannot_be_parsed_is_not_judged(wanted):
    assert admits(wanted, "1.30.0") is None


def test_a_version_that_cannot_be_parsed_is_not_judged():
    assert admits(">=1.30", "unknown") is None


@pytest.mark.parametrize(
    ("wanted", "found", "judged"),
    [
        (">=1.30.0-0", "1.36.3", True),
        (">=1.30.0-0", "1.30.4-eks-1234", True),
        (">= 1.30, < 1.36", "1.36.3", False),
        ("^1.20", "1.36.3", True),
        ("~1.35", "1.36.3", False),
        ("1.36.x", "1.36.3", True),
        ("<1.20 || >=1.36", "1.36.3", True),
        ("1.30 - 1.35", "1.36.3", False),
        (">1.36", "1.36.3", False),
        ("!=1.36", "1.36.3", False),
        ("whatever", "1.36.3", None),
        (">=1.30", "odd", None),
    ],
)
def test_ranges_of_versions(wanted: str, found: str, judged: bool | None) -> None:
    assert admits(wanted, found) is judged
