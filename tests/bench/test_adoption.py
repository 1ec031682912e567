"""The commands of a takeover, as the bench runs them."""

from __future__ import annotations

import pytest

from bench.adoption import printed_steps, without_questions


def test_commands_are_those_that_are_printed() -> None:
    text = "Wrote stacks/Pulumi.prod.yaml.\n\nThen:\n  pulumi stack init prod\n  pulumi up --stack prod\n"
    assert printed_steps(text) == ["pulumi stack init prod", "pulumi up --stack prod"]


@pytest.mark.parametrize(
    ("printed", "run"),
    [
        ("pulumi stack init prod", "pulumi stack init prod"),
        ("pulumi up --stack prod", "pulumi up --yes --skip-preview --non-interactive --stack prod"),
        (
            "x > a && pulumi import --file a --stack prod",
            "x > a && pulumi import --yes --non-interactive --file a --stack prod",
        ),
    ],
)
def test_nothing_is_asked_without_a_terminal(printed: str, run: str) -> None:
    assert without_questions(printed) == run
