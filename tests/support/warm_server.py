"""The process behind tests/support/warm_python.py, in the environment's Python: `warm_server.py <socket> <program> [<tests>…]`.

It serves until its standard input ends, and needs nothing of this project.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import runpy
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Program:
    """What is called, and what a call would import before it does its work."""

    modules: tuple[str, ...]
    """Modules that it imports."""
    own: tuple[str, ...] = ()
    """Packages that each call imports anew: they are its own, or read a call's environment when they are imported."""
    function: str = ""
    """Function of the first module that is called; without one a call is one of Python, with `-c` or a file."""


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
    "pytest": Program(("pytest",)),
}


def main(path: str, name: str, *tests: str) -> None:
    """Serve calls until standard input ends."""
    called = _prepared(PROGRAMS[name], tests)
    os.environ.clear()
    assert threading.active_count() == 1, (
        "a module has started a thread, which a forked process would not have"
    )
    gc.collect()
    gc.freeze()  # no call has to look through what all have
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a call but its caller
    # Ctrl-C reaches this process too, but the end of its input is what ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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


def _prepared(program: Program, tests: Sequence[str]) -> Callable[[], Any]:
    """Import what no call needs to import anew, and return what a call does."""
    if program.own:
        _import_others(program)
        return _python
    found = [importlib.import_module(name) for name in program.modules]
    if tests:
        _collect(found[0], tests)
    return getattr(found[0], program.function) if program.function else _python


def _collect(pytest: Any, tests: Sequence[str]) -> None:
    """Import tests as pytest does. One that cannot be imported ends this process: half of its module would stay behind."""

    class Collected:
        def pytest_collectreport(self, report: Any) -> None:
            if not report.passed:
                os._exit(1)

    with redirect_stdout(io.StringIO()):
        options = ["--collect-only", "-qqq", "--numprocesses=0", "-p", "no:cacheprovider"]
        pytest.main([*options, *tests], plugins=[Collected()])


def _import_others(program: Program) -> None:
    """Import what the modules of a program import, but not what is its own."""
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


def _python() -> None:
    """Do what Python does with the arguments that are left: `-u`, then `-c` and code, or a file and its arguments."""
    arguments = sys.argv[1:]
    if arguments[0] == "-u":
        del arguments[0]
        for stream in (sys.stdout, sys.stderr):
            assert isinstance(stream, io.TextIOWrapper)
            stream.reconfigure(write_through=True)
    if arguments[0] == "-c":
        sys.argv[:], sys.path[0] = ["-c", *arguments[2:]], ""
        exec(arguments[1], vars(sys.modules["__main__"]))  # noqa: S102 - what the caller asks Python for
        return
    sys.argv[:], sys.path[0] = arguments, str(Path(arguments[0]).parent)
    runpy.run_path(arguments[0], run_name="__main__")


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
        signal.signal(signal.SIGINT, signal.default_int_handler)
        size, files, _, _ = socket.recv_fds(connection, 4, 3)
        call = json.loads(_exactly(connection, int.from_bytes(size, "big")))
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        threading.Thread(target=_obey, args=(connection,), daemon=True).start()
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


def _obey(connection: socket.socket) -> None:
    """Take the signals that the caller gets, and end with it."""
    while number := connection.recv(1):
        signal.pthread_kill(threading.main_thread().ident or 0, number[0])
    os._exit(1)


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        received += connection.recv(size - len(received))
    return received


if __name__ == "__main__":
    main(*sys.argv[1:])
