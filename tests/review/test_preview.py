"""Reading `pulumi preview --json`."""

from __future__ import annotations

import pytest

from review import PreviewError, Verdict, parse
from tests.review.previews import SECRET, review, step


def test_halves_of_a_replacement_are_one_object():
    metadata = {"metadata": {"name": "s"}}
    steps = [
        step(SECRET, "s", "create-replacement", after=metadata),
        step(SECRET, "s", "replace", metadata, metadata),
        step(SECRET, "s", "delete-replaced", metadata),
    ]
    assert [item.operation for item in review(*steps).replaced] == ["replace"]


def test_what_a_refresh_found_is_the_step_after_it():
    """Steps as `pulumi preview --refresh --json` prints them for a Secret that was deleted, and one that is there."""
    gone, there = {"metadata": {"name": "gone"}}, {"metadata": {"name": "there"}}
    found = review(
        step(SECRET, "gone", "refresh", gone, gone),
        step(SECRET, "there", "refresh", there, there),
        step(SECRET, "gone", "create", after=gone),
    )
    assert [(item.name, item.operation) for item in found.secrets] == [("gone", "create")]
    assert found.verdict is Verdict.SAFE


@pytest.mark.parametrize("text", ["", "no", "[]", "{}", '{"a": 1}'])
def test_what_is_no_preview_is_one_sentence(text):
    with pytest.raises(PreviewError, match=r"^the [^\n]+pulumi preview --json"):
        parse(text)
