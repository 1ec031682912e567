"""Leaving quietly."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.support.stacks import ROOT

PROGRAM = """
import time
from program.interruption import leave_quietly
leave_quietly()
print("ready", flush=True)
time.sleep(60)
"""


def test_an_interrupted_program_says_nothing():
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert program.stdout.readline() == "ready\n"
    program.send_signal(signal.SIGINT)
    output, errors = program.communicate(timeout=30)
    assert (program.returncode, output, errors) == (130, "", "")
