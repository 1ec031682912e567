"""Leaving quietly."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.support.stacks import ROOT

PROGRAM = """
import pathlib, sys, time
from program.interruption import at_end, leave_quietly
leave_quietly()
at_end(lambda: pathlib.Path(sys.argv[1]).write_text("done"))
print("ready", flush=True)
time.sleep(60)
"""


def test_an_interrupted_program_says_nothing_and_does_what_is_left_to_do(tmp_path):
    file = tmp_path / "file"
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(file)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout.readline() == "ready\n"
    program.send_signal(signal.SIGINT)
    output, errors = program.communicate(timeout=30)
    assert (program.returncode, output, errors) == (130, "", "")
    assert file.read_text() == "done"
