"""Real programs of a Python environment in processes that start with its modules imported.

dbt and Airflow import for seconds before they do anything, and tests of what uses them run them a hundred times. Here one process of
their Python has imported the modules; each call is a process forked from that one, with the caller's arguments, folder, environment
and files. What a call does and returns is the program's. Unlike the program, it does not end with its caller: tests that kill take
the program itself.

As a program, in the environment's Python: `warm_python.py <socket> <program>` serves until its standard input ends.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Program:
    """What is called, and what a call would import before it does its work."""

    modules: tuple[str, ...]
    """Modules that it imports."""
    own: tuple[str, ...] = ()
    """Packages that each call imports anew, because they read a call's environment when they are imported."""
    function: str = ""
    """Function of the first module that is called; without one a call runs the file that its first argument names, like Python."""


PROGRAMS: Mapping[str, Program] = {
    "dbt": Program(
        (
            "dbt.cli.main",
            "dbt.adapters.duckdb.impl",
            "dbt.parser.manifest",
            "dbt.task.build",
            "dbt.task.list",
        ),
        function="cli",
    ),
    "airflow": Program(
        ("airflow.dag_processing.dagbag", "cosmos"), own=("airflow", "airflow_shared", "cosmos")
    ),
}
_CALLER = """\
#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({path!r})
    call = {{"arguments": sys.argv, "folder": os.getcwd(), "environment": dict(os.environ)}}
    text = json.dumps(call).encode()
    socket.send_fds(server, [len(text).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(text)
    code = server.recv(1)
os._exit(code[0] if code else 1)
"""


@contextmanager
def warm_python(python: Path, program: str, folder: Path) -> Iterator[Path]:
    """A program that is called like one of PROGRAMS, for as long as the block lasts; ``python`` is that of its environment."""
    # The path of a socket has room for some hundred characters.
    path = folder / f"{program}.sock"
    with subprocess.Popen(
        [python, __file__, path, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n", f"{program} cannot be imported"
        caller = folder / program
        caller.write_text(_CALLER.format(python=sys.executable, path=str(path)))
        caller.chmod(0o755)
        yield caller
        server.stdin.close()


def main(path: str, name: str) -> None:
    """Serve calls until standard input ends."""
    program = PROGRAMS[name]
    called = _imported(program)
    os.environ.clear()
    assert threading.active_count() == 1, (
        "a module has started a thread, which a forked process would not have"
    )
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a call but its caller
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(64)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        threading.Thread(target=_end_with_input, daemon=True).start()
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                _serve(connection, called)
            connection.close()


def _imported(program: Program) -> Callable[[], Any]:
    """Import what no call needs to import anew, and return what a call does."""
    if not program.own:
        found = [importlib.import_module(name) for name in program.modules]
        return getattr(found[0], program.function)  # type: ignore[no-any-return]
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.dup2(2, 1)
        for name in program.modules:
            importlib.import_module(name)
        with os.fdopen(writing, "w") as names:
            names.write("\n".join(name for name in sys.modules if name.partition(".")[0] not in program.own))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as names:
        for name in names.read().splitlines():
            with suppress(ImportError):  # a module that exists only within another one
                importlib.import_module(name)
    assert os.wait()[1] == 0, "a module cannot be imported"
    return _run_file


def _run_file() -> None:
    """Do what Python does with the arguments that are left: a file and its arguments."""
    del sys.argv[0]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


def _end_with_input() -> None:
    # Not through sys.stdin: a forked process would wait for this thread's lock of it.
    while os.read(0, 1024):
        pass
    os._exit(0)


def _serve(connection: socket.socket, called: Callable[[], Any]) -> None:
    """Be the process of one call, and end."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        size, files, _, _ = socket.recv_fds(connection, 4, 3)
        call = json.loads(_exactly(connection, int.from_bytes(size, "big")))
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(call["folder"])
        os.environ.update(call["environment"])
        sys.argv[:] = call["arguments"]
        called()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - shown as Python shows it
        sys.excepthook(*sys.exc_info())
    finally:
        atexit._run_exitfuncs()  # noqa: SLF001 - what a process does before it ends, which forked ones leave out
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(bytes([code]))
        os._exit(code)


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        received += connection.recv(size - len(received))
    return received


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
