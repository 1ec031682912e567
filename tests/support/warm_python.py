"""Real programs of a Python environment in processes that start with its modules imported.

dbt, Airflow and pytest's workers import for seconds before they do anything, and are started a hundred times. Here one process of
their Python has imported the modules (tests/support/warm_server.py); each call is a process forked from that one, with the caller's
arguments, folder, environment and files, which gets the caller's signals and ends with it. What a call does and returns is the
program's. But it is not the caller's child, so this is nothing for Pulumi programs: ours looks for the engine among its parents.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support import warm_server

_CALLER = """\
#!{python} -IS
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    call = {{"arguments": sys.argv, "folder": os.getcwd(), "environment": dict(os.environ)}}
    text = json.dumps(call).encode()
    socket.send_fds(server, [len(text).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(text)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: server.sendall(bytes([number])))
    code = server.recv(1)
os._exit(code[0] if code else 1)
"""


class WarmPythonError(Exception):
    """What a program imports cannot be imported."""


@contextmanager
def warm_python(python: Path, program: str, folder: Path, *, tests: Sequence[str] = ()) -> Iterator[Path]:
    """A program that is called like one of PROGRAMS, for as long as the block lasts; ``python`` is that of its environment.

    ``tests``, named as for pytest, are imported as well. Raises WarmPythonError: what it imports cannot be imported.
    """
    # The path of a socket has room for some hundred characters.
    path = folder / f"{program}.sock"
    with subprocess.Popen(
        [python, warm_server.__file__, path, program, *tests],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        if server.stdout.readline() != "ready\n":
            raise WarmPythonError(f"{program} cannot be imported in {python}")
        caller = folder / program
        caller.write_text(_CALLER.format(python=sys.executable, path=str(path)))
        caller.chmod(0o755)
        yield caller
        server.stdin.close()
