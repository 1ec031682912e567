"""Marks of secret values."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.fingerprint import fingerprint

VALUES = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)


@settings(max_examples=20)
@given(VALUES, VALUES)
def test_equal_marks_mean_equal_values(one, other):
    marks = fingerprint(one, salt="s"), fingerprint(other, salt="s")
    assert (marks[0] == marks[1]) is (one == other)
    assert re.fullmatch("[0-9a-f]{16}", marks[0])


def test_order_does_not_count_and_the_salt_does():
    mark = fingerprint({"a": "1", "b": "2"}, salt="one")
    assert mark == fingerprint({"b": "2", "a": "1"}, salt="one")
    assert mark != fingerprint({"a": "1", "b": "2"}, salt="other")
