"""What a report may contain."""

from __future__ import annotations

from review.live import without


def test_the_last_guard_replaces_known_secrets():
    assert without("a canary-token b", ("canary-token",)) == "a [secret] b"
