"""Memory of a command with everything that it starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bench import memory

MIB = 1024 * 1024
CHILD = f"held = b'x' * {60 * MIB}; import time; time.sleep({8 * memory.PAUSE})"


def test_memory_of_children_counts(tmp_path: Path) -> None:
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}], check=True); print('ended')"
    done, peak = memory.run([sys.executable, "-c", parent], cwd=tmp_path, env=os.environ)
    assert done.stdout == "ended\n"
    assert 60 * MIB < peak < 200 * MIB


def test_a_command_that_fails_says_so(tmp_path: Path) -> None:
    failing = "import sys; print('reason', file=sys.stderr); sys.exit(3)"
    done, _ = memory.run([sys.executable, "-c", failing], cwd=tmp_path, env=os.environ)
    assert (done.returncode, done.stderr) == (3, "reason\n")
