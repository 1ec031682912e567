"""Real dbt in processes that start with its modules imported.

dbt imports for two seconds before it does anything, and tests of what calls it run it a hundred times. Here one process of dbt's
Python has imported it; each call is a process forked from that one, with the caller's arguments, folder, environment and files. What
a call does and returns is dbt's. Unlike dbt's process, it does not end with its caller: tests that kill take `dbt` itself.

As a program, in dbt's Python: `warm_dbt.py <socket>` serves until its standard input ends.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MODULES = (
    "dbt.cli.main",
    "dbt.adapters.duckdb.impl",
    "dbt.parser.manifest",
    "dbt.task.build",
    "dbt.task.list",
)
"""What a call would import before it does its work."""
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
def warm_dbt(python: Path, folder: Path) -> Iterator[Path]:
    """A program that is called like `dbt`, for as long as the block lasts; ``python`` is that of dbt's environment."""
    # The path of a socket has room for some hundred characters.
    path = folder / "dbt.sock"
    with subprocess.Popen(
        [python, __file__, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n", "dbt cannot be imported"
        caller = folder / "dbt"
        caller.write_text(_CALLER.format(python=sys.executable, path=str(path)))
        caller.chmod(0o755)
        yield caller
        server.stdin.close()


def main(path: str) -> None:
    """Serve calls until standard input ends."""
    cli: Any = importlib.import_module(MODULES[0]).cli
    for module in MODULES[1:]:
        importlib.import_module(module)
    os.environ.clear()
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
                _serve(connection, cli)
            connection.close()


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


def _serve(connection: socket.socket, cli: Any) -> None:
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
        cli()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
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
    main(sys.argv[1])
