"""Measuring alternately."""

from __future__ import annotations

import pytest

from bench.pairs import SECONDS, Figures, Measured, Pair, Row, measure


def works(*figures):
    """Work that returns one figure after another."""
    rest = list(figures)
    return lambda: {"bytes": rest.pop(0)}


def test_both_ways_by_turns_after_a_warm_up_that_does_not_count():
    order = []

    def way(name, work):
        def run():
            order.append(name)
            return work()

        return run

    pair = Pair(
        way("a", works(99, 1, 2, 3)), way("b", works(99, 10, 20, 30)), between=lambda: order.append("-")
    )
    found = measure(Row("r", "", "", "", {"bytes": 0.2}), pair, pairs=3)
    assert order == ["-", "a", "-", "b"] * 4
    by_metric = {item.metric: item for item in found}
    assert set(by_metric) == {SECONDS, "bytes"}
    assert list(by_metric["bytes"].a.values) == [1, 2, 3]
    assert by_metric["bytes"].ratio == pytest.approx(0.1)


@pytest.mark.parametrize(("ratio", "goal", "met"), [(1.0, 1.0, True), (1.1, 1.0, False), (9.0, None, True)])
def test_a_goal_is_met_at_its_ratio(ratio, goal, met):
    found = Measured("r", SECONDS, Figures((ratio,)), Figures((1.0,)), goal)
    assert found.met is met


def test_nothing_against_nothing_is_no_ratio():
    assert Measured("r", SECONDS, Figures((1.0,)), Figures((0.0,)), 1.0).ratio == float("inf")


def test_what_only_one_way_reports_is_left_out():
    pair = Pair(lambda: {"gap": 1.0}, lambda: None)
    assert [item.metric for item in measure(Row("r", "", "", ""), pair, pairs=1)] == [SECONDS]
