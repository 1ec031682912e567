"""Running other programs."""

import pytest

from trial.commands import run
from trial.errors import TrialError


def test_output_input_and_variables() -> None:
    lines: list[str] = []
    assert run(["sh", "-c", "cat; echo $X"], stdin="in\n", env={"X": "y"}, purpose="a test") == "in\ny\n"
    run(["sh", "-c", "echo one; echo two >&2"], purpose="a test", on_line=lines.append)
    assert {line.strip() for line in lines} == {"one", "two"}


@pytest.mark.parametrize(
    ("argv", "seconds", "says"),
    [
        (
            ["no-such-program-here"],
            5,
            "a test needs the program no-such-program-here, which is not installed.",
        ),
        (["sleep", "5"], 0.2, "a test: sleep did not finish within 0 seconds."),
        (["sh", "-c", "echo why >&2; exit 3"], 5, "a test failed: sh ended with code 3."),
    ],
)
def test_a_failure_is_one_sentence(argv: list[str], seconds: float, says: str) -> None:
    with pytest.raises(TrialError) as caught:
        run(argv, purpose="a test", seconds=seconds)
    first, *rest = str(caught.value).splitlines()
    assert first == says
    assert not rest or rest[0].strip() == "why"
