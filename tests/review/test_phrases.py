"""Numbers, durations and lists in sentences."""

from __future__ import annotations

from review.phrases import count, duration, listed


def test_counts_durations_and_lists_read_well():
    assert (count(1, "Pod"), count(2, "Pod")) == ("1 Pod", "2 Pods")
    assert [duration(seconds) for seconds in (5, 60, 90, 600, 5400)] == [
        "5 s",
        "1 min",
        "90 s",
        "10 min",
        "1 h 30 min",
    ]
    assert listed(["a", "b", "c"]) == "a, b and c"
