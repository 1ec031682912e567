"""What the user sees while the trial works."""

import io
import time

import pytest

from trial import progress
from trial.progress import Progress, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (754.0, "12 min 34 s"),
    ],
)
def test_durations_read_well_at_every_size(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_step_ends_with_its_result_and_time() -> None:
    stream = io.StringIO()
    with Progress(stream, terminal=False) as shown, shown.step("build it") as step:
        step.done("20 MB")
    assert stream.getvalue() == "✓ build it: 20 MB (0.0 s)\n"


def test_a_failed_step_is_marked_and_the_error_continues() -> None:
    stream = io.StringIO()
    with (
        pytest.raises(ValueError, match="no"),
        Progress(stream, terminal=False) as shown,
        shown.step("build it"),
    ):
        raise ValueError("no")
    assert stream.getvalue().startswith("✗ build it (")


def test_a_long_step_tells_in_a_log_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "ANNOUNCE_AFTER", 0.05)
    monkeypatch.setattr(progress, "TERMINAL_INTERVAL", 0.01)
    stream = io.StringIO()
    with Progress(stream, terminal=False) as shown, shown.step("build it") as step:
        step.update("3 of 9 packages")
        _until(lambda: "…" in stream.getvalue())
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("… build it: 3 of 9 packages (")
    assert len(lines) == 2, "one line per interval, not per tick"


def test_on_a_terminal_the_running_step_is_erased_before_its_end() -> None:
    stream = io.StringIO()
    shown = Progress(stream, terminal=True)
    step = progress.Step("build it")
    step.started -= 10
    shown._steps.append(step)
    shown._draw()
    shown._steps.clear()
    shown.say("done")
    assert stream.getvalue() == "… build it (10 s)\r\x1b[Kdone\n"


def _until(condition, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
