"""Merging: which side wins, and that neither side is changed."""

from __future__ import annotations

import copy
import doctest
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain import chart
from domain import merge as module
from domain.merge import contradictions, empties, merge, merge_over_defaults, render, without_empties

LEAVES = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
TREES = st.dictionaries(
    st.sampled_from("abc"), st.recursive(LEAVES, lambda below: st.dictionaries(st.sampled_from("abc"), below))
)


def leaves(tree: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Path -> value of everything that is not a mapping with keys."""
    if not isinstance(tree, dict) or not tree:
        return {path: tree}
    found: dict[tuple[str, ...], Any] = {}
    for key, item in tree.items():
        found |= leaves(item, (*path, key))
    return found


def at(tree: Any, path: tuple[str, ...]) -> Any:
    """Value at a path."""
    for key in path:
        tree = tree[key]
    return tree


@given(TREES, TREES)
def test_the_second_side_wins(base: dict[str, Any], over: dict[str, Any]) -> None:
    before = copy.deepcopy((base, over))
    merged = merge(base, over)
    assert (base, over) == before
    for path, value in leaves(over).items():
        if path and value != {}:
            assert at(merged, path) == value


@given(TREES, TREES)
def test_what_only_the_first_side_has_stays(base: dict[str, Any], over: dict[str, Any]) -> None:
    merged = merge(base, over)
    for key in base.keys() - over.keys():
        assert merged[key] == base[key]
    assert merged.keys() == base.keys() | over.keys()


@given(TREES)
def test_nothing_changes_nothing(tree: dict[str, Any]) -> None:
    assert merge(tree, {}) == tree == merge({}, tree) == merge(tree, tree)


@given(TREES, TREES)
def test_a_null_removes_a_default(defaults: dict[str, Any], values: dict[str, Any]) -> None:
    merged = merge_over_defaults(defaults, values)
    for key, value in values.items():
        assert (key in merged) == (value is not None)


def test_examples() -> None:
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(chart).failed == 0


@given(TREES, TREES)
def test_what_contradicts_is_what_gets_lost(base: dict[str, Any], over: dict[str, Any]) -> None:
    """Without a contradiction every value of the first side arrives as it is."""
    merged = merge(base, over)
    lost = list(contradictions(base, over))
    if not lost:
        for path, value in leaves(base).items():
            assert value == {} or at(merged, path) == value
    for gone in lost:
        assert at(merged, tuple(map(str, gone))) == at(over, tuple(map(str, gone)))


def test_a_number_is_not_a_truth_value() -> None:
    assert list(contradictions({"a": 1}, {"a": True})) == [("a",)]


def test_joined_lists() -> None:
    ours = {"env": [{"name": "A", "value": "1"}], "tolerations": [1]}
    theirs = {"env": [{"name": "A", "value": "2"}, {"name": "B", "value": "3"}], "tolerations": [2]}
    assert merge(theirs, ours, join={"env"}) == {
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}],
        "tolerations": [1],
    }
    assert list(contradictions(theirs, ours, join={"env"})) == [("env", "A"), ("tolerations",)]


@given(TREES)
def test_nothing_empty_is_left_but_list_entries(tree: dict[str, Any]) -> None:
    cleaned = without_empties(tree)
    assert all(isinstance(path[-1], int) for path in empties(cleaned))
    assert without_empties(cleaned) == cleaned or list(empties(tree))


def test_paths_as_people_write_them() -> None:
    assert render(("workers", 0, "env")) == "workers[0].env"
