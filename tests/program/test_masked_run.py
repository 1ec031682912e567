"""What is passed on of Pulumi's output, and when; runs are in test_debug_log."""

from __future__ import annotations

import io

from program.masked_run import Masked

KEY = "-----BEGIN-----\nfirst-line\nsecond-line\n-----END-----"


def test_a_secret_in_two_pieces_and_one_over_several_lines() -> None:
    output = io.BytesIO()
    masked = Masked(["canary-secret", KEY], output)
    for piece in (b"a canary-", b"secret b\nfirst-", b"line\n  second-line c\xff", b"\ncan", b"ary-secret"):
        masked.write(piece)
        assert not output.getvalue().endswith(b"can")
    masked.end()
    assert output.getvalue() == b"a *** b\n***\n  *** c\xff\n***"


def test_nothing_is_written_for_nothing() -> None:
    output = io.BytesIO()
    masked = Masked([], output)
    masked.write(b"")
    masked.end()
    assert output.getvalue() == b""
