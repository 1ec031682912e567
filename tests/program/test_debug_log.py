"""A run of Pulumi whose log is masked: what it is given, what is left of its output, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stacks import ROOT

SECRET = "canary/log+secret@:%"
PULUMI = f"""\
#!{sys.executable}
import json, os, signal, sys, time

arguments = sys.argv[1:]
with open("calls", "a") as calls:
    calls.write(json.dumps(arguments) + "\\n")
if arguments[0] == "config":
    if "--stack=none" in arguments:
        sys.exit("error: no stack named 'none' found")
    print(json.dumps({{"astro-dbt:agentToken": {{"value": {SECRET!r}, "secret": True}}}}))
elif arguments[:2] == ["stack", "export"]:
    print("{{}}")
elif "wait" in arguments:
    def end(number, frame):
        os.write(1, b"ends in order\\n")
        sys.exit(3)
    signal.signal(signal.SIGTERM, end)
    os.write(1, b"waits\\n")
    time.sleep(60)
elif "killed" in arguments:
    os.kill(os.getpid(), signal.SIGKILL)
else:
    print("output", {SECRET!r}, os.environ["ASTRO_DBT_LOG_SECRETS"])
    for option in arguments:
        if option.startswith("--event-log="):
            last = option.partition("=")[2]
            with open(last, "w") as events:
                events.write("event " + {SECRET!r})
    print("log", json.dumps({SECRET!r}), file=sys.stderr)
    sys.stderr.write("no end " + {SECRET!r})
    sys.exit(7)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of a program, with a `pulumi` in `bin` that writes down its arguments."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(PULUMI)
    program.chmod(0o755)
    return tmp_path


def command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "program.debug_log", *arguments)


def variables(folder: Path, **more: str) -> dict[str, str]:
    return {
        "HOME": str(folder), "PYTHONPATH": str(ROOT), "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", **more
    }  # fmt: skip


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=folder, env=variables(folder, **more), capture_output=True, text=True, check=False
    )  # fmt: skip


def calls(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "calls").read_text().splitlines()]


def test_output_and_log_lack_the_secret_and_the_exit_code_is_pulumis(folder: Path) -> None:
    done = run(folder, "up", "--stack", "prod", "--yes")
    assert done.stdout == "output *** 1\n"
    assert done.stderr == 'log "***"\nno end ***'
    assert done.returncode == 7
    *asked, ran = calls(folder)
    assert ran == ["--verbose=9", "up", "--stack", "prod", "--yes", "--logflow", "--logtostderr=true"]
    assert asked == [
        ["config", "--json", "--show-secrets", "--stack=prod", "--cwd=.", "--non-interactive"],
        ["stack", "export", "--show-secrets", "--stack=prod", "--cwd=.", "--non-interactive"],
    ]


@pytest.mark.parametrize(
    ("arguments", "stack"),
    [
        (["up", "-s", "prod"], "prod"),
        (["up", "-s=prod"], "prod"),
        (["up", "-ysprod"], "prod"),
        (["up", "-yfs", "prod"], "prod"),
        (["up", "-yv", "9", "--stack=prod"], "prod"),
        (["up", "--message", "x", "--", "--stack=other"], None),
        (["up"], None),
    ],
)
def test_the_secrets_are_those_of_the_stack_that_runs(
    folder: Path, arguments: list[str], stack: str | None
) -> None:
    run(folder, *arguments)
    wanted = [] if stack is None else [f"--stack={stack}"]
    for call in calls(folder)[:2]:
        assert [word for word in call if word.startswith("--stack")] == wanted


def test_folder_and_configuration_file_of_the_program(folder: Path) -> None:
    run(folder, "preview", "-C", "/tmp", "--config-file", "other.yaml")
    config, export, _ = calls(folder)
    assert {"--cwd=/tmp", "--config-file=other.yaml"} < set(config)
    assert "--config-file=other.yaml" not in export, "it has no such option"


def test_a_level_and_a_place_of_ones_own(folder: Path) -> None:
    run(folder, "up", "-v=7", "--logtostderr=false", "--", "last")
    (ran,) = calls(folder)[2:]
    assert ran == ["up", "-v=7", "--logtostderr=false", "--logflow", "--logtostderr=true", "--", "last"]


@pytest.mark.parametrize(
    ("arguments", "more", "sentence"),
    [
        (["up", "--stack", "none"], {}, "`pulumi config` failed: no stack named 'none' found."),
        (["up", "--tracing=file:trace"], {}, "--tracing: makes Pulumi write every secret"),
        (["up"], {"PULUMI_DEBUG_GRPC": "log.json"}, "PULUMI_DEBUG_GRPC: makes Pulumi write every secret"),
        (["up", "--stack"], {}, "-s/--stack: expected one argument."),
        (["up"], {"PATH": "/nowhere"}, "pulumi is not on PATH"),
    ],
)
def test_what_cannot_be_masked_is_not_run(
    folder: Path, arguments: list[str], more: dict[str, str], sentence: str
) -> None:
    done = run(folder, *arguments, **more)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    ran = calls(folder) if (folder / "calls").exists() else []
    assert "up" not in {call[0] for call in ran}


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_help(folder: Path, arguments: list[str]) -> None:
    done = run(folder, *arguments)
    assert done.returncode == (0 if arguments else 2)
    assert "python -m program.debug_log" in done.stdout + done.stderr
    assert not (folder / "calls").exists()


def test_a_signal_is_passed_on_and_the_run_ends_in_order(folder: Path) -> None:
    with subprocess.Popen(
        command("wait"), cwd=folder, env=variables(folder), stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout.readline() == "waits\n"
        # As a terminal does with Ctrl-C, which Pulumi gets too; this process must wait for it.
        program.send_signal(signal.SIGINT)
        program.send_signal(signal.SIGTERM)
        assert program.stdout.read() == "ends in order\n"
        assert program.wait(30) == 3


def test_a_pulumi_that_was_killed(folder: Path) -> None:
    assert run(folder, "killed").returncode == 128 + signal.SIGKILL


def test_a_reader_that_leaves_does_not_hold_up_the_run(folder: Path) -> None:
    with subprocess.Popen(
        command("up"), cwd=folder, env=variables(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        program.stdout.close()
        program.stderr.close()
        assert program.wait(30) == 7


@pytest.mark.parametrize("option", [["--event-log", "events"], ["--event-log=events"]])
def test_an_event_log_is_masked_too(folder: Path, option: list[str]) -> None:
    (folder / "project").mkdir()
    assert run(folder, "up", "-C", "project", *option).returncode == 7
    assert (folder / "project" / "events").read_text() == "event ***"


def test_an_event_log_that_pulumi_never_writes(folder: Path) -> None:
    assert run(folder, "killed", "--event-log=events").returncode == 128 + signal.SIGKILL
    assert (folder / "events").read_text() == ""
    assert run(folder, "up", "--event-log=none/events").stderr == (
        "error: --event-log: none/events cannot be written (No such file or directory).\n"
    )
