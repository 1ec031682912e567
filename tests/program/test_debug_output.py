"""A run that would write secrets for debugging is refused, with what to write instead."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence

import pytest

from clients import processes
from program.debug_output import ALLOWED, DebugOutputError, refuse, with_secrets
from trial.environment import Environment

GRPC, PAYLOADS = "PULUMI_DEBUG_GRPC", "PULUMI_TRACING_NO_PAYLOADS"


@pytest.mark.parametrize(
    "options",
    [
        ["up", "--logtostderr", "-v=9"],
        ["up", "-v9"],
        ["up", "-v", "9", "--yes"],
        ["--verbose=9", "preview"],
        ["--verbose", "9", "preview"],
        ["up", "-yfv=9"],
        ["up", "-yv", "9"],
        ["up", "-v=3", "--verbose=9"],
    ],
)
def test_a_level_that_shows_secrets_is_refused(options: Sequence[str]) -> None:
    assert list(with_secrets(options, {})) == [
        "--verbose=9: makes Pulumi log the content of Secrets in Base64; use --verbose=6"
    ]
    assert list(with_secrets(options, {}, masking="a command")) == [
        "--verbose=9: makes Pulumi log the content of Secrets in Base64; use --verbose=6, or `a command`, which replaces them"
    ]


@pytest.mark.parametrize("level", [7, 8, 10, 11, 100])
def test_every_level_from_seven_on(level: int) -> None:
    (sentence,) = with_secrets(["up", f"-v={level}"], {})
    assert f"--verbose={level}:" in sentence


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["up"],
        ["up", "-v=6"],
        ["up", "-v", "6", "--message", "9"],
        ["up", "--verbose"],
        ["up", "-v"],
        ["up", "-v="],
        ["up", "-sdev9"],
        ["up", "-s", "dev9"],
        ["up", "--stack=v9"],
        ["up", "--logtostderr", "--debug", "9"],
        ["up", "--", "-v=9"],
        ["up", "--otel-traces=file:///tmp/trace"],
        ["up", "--message", "no --tracing"],
    ],
)
def test_other_options_are_not(options: Sequence[str]) -> None:
    assert not list(with_secrets(options, {GRPC: ""}))


@pytest.mark.engine
@pytest.mark.parametrize("command", ["up", "preview", "destroy", "refresh"])
def test_every_short_option_of_pulumi_is_known(command: str, environment: Environment) -> None:
    """One without a value may precede the level in the same argument; what follows one with a value is that value."""
    shown = subprocess.run(
        ["pulumi", command, "--help"], env=environment.variables(), capture_output=True, text=True, check=True
    ).stdout
    options = re.findall(r"^ +-(\w), --[a-z-]+(?: (?!\w+\[=)(\w+))?", shown, re.MULTILINE)
    assert {"v", "s", "d", "j"} <= {letter for letter, _ in options}
    for letter, value in options:
        if letter not in "hv":
            found = list(with_secrets([command, f"-{letter}v=9"], {}))
            assert bool(found) == (not value), f"-{letter} {value}"


@pytest.mark.parametrize(
    "options", [["up", "--tracing", "file:trace"], ["--tracing=http://localhost:9411", "up"]]
)
def test_a_trace_is_refused_unless_it_leaves_out_what_is_sent(options: Sequence[str]) -> None:
    (sentence,) = with_secrets(options, {PAYLOADS: "0"})
    assert sentence.startswith("--tracing:")
    assert not list(with_secrets(options, {PAYLOADS: "True"}))


@pytest.mark.parametrize(
    ("variables", "refused"),
    [
        ({GRPC: "log.json"}, True),
        ({GRPC: "log.json", ALLOWED: "0"}, True),
        ({GRPC: "log.json", ALLOWED: "1"}, False),
        ({GRPC: "log.json", ALLOWED: "True"}, False),
        ({GRPC: ""}, False),
    ],
)
def test_a_variable_allows_it(
    monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], refused: bool
) -> None:
    monkeypatch.setattr(processes, "arguments_of_nearest", lambda _program: ())
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if not refused:
        refuse()
        return
    with pytest.raises(DebugOutputError) as caught:
        refuse()
    assert str(caught.value) == (
        "PULUMI_DEBUG_GRPC: makes Pulumi write every secret of the stack into the file that it names; "
        f"unset it and delete that file, or set {ALLOWED}=1 if nobody else can read that."
    )


def test_all_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        processes, "arguments_of_nearest", lambda _program: ("up", "-v=9", "--tracing=file:t")
    )
    monkeypatch.setenv(GRPC, "log.json")
    with pytest.raises(DebugOutputError) as caught:
        refuse()
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["--verbose=9", "--tracing", GRPC]
