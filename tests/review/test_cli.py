"""The command line of reviews."""

from __future__ import annotations

import pytest

from review import Verdict
from review.cli import exit_code, fleet_exit_code, main, write
from review.fleet import Outcome


def outcome(applied="no", *, failed=False, verdict=None):
    return Outcome("s", None, "", applied, "a problem" if failed else None, 1.0)


@pytest.mark.parametrize(
    ("verdicts", "stop", "code"),
    [
        ([Verdict.NOTHING, Verdict.ROLLS], True, 0),
        ([Verdict.REPLACES], False, 0),
        ([Verdict.REPLACES], True, 3),
        ([Verdict.REPLACES, Verdict.FAILED], True, 1),
    ],
)
def test_exit_codes(verdicts, stop, code):
    assert exit_code(verdicts, stop_on_replace=stop) == code


def test_a_failure_takes_precedence_over_a_stack_that_was_held_back():
    held = outcome("held back", failed=True)
    assert fleet_exit_code([held], stop_on_replace=False) == 3
    assert fleet_exit_code([held, outcome("failed", failed=True)], stop_on_replace=False) == 1


@pytest.mark.parametrize("arguments", [["report"], ["fleet", "preview", "--stacks", "x", "--parallel", "0"]])
def test_wrong_arguments_are_explained(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err


COMMANDS = [["report", "--stack", "x"], ["fleet", "preview", "--stacks", "x"], ["drift", "--stacks", "x"]]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_without_pulumi_the_error_says_where_to_get_it(arguments, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(arguments) == 2
    assert "pulumi is not on PATH; install it" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_pulumi_that_is_too_old_is_one_sentence(arguments, monkeypatch, tmp_path, capsys):
    program = tmp_path / "pulumi"
    program.write_text("#!/bin/sh\necho v2.9.0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "2.9.0" in line


def test_a_report_goes_to_a_file_in_a_new_folder_or_to_standard_output(tmp_path, capsys):
    write("text\n", tmp_path / "reports" / "a.md")
    assert (tmp_path / "reports" / "a.md").read_text() == "text\n"
    write("text\n", None)
    assert capsys.readouterr().out == "text\n"
