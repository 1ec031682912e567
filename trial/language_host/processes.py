"""Child processes of the language host: programs, plugins, pip."""

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

_LEAVE_SECONDS = 3.0


class Children:
    """Keeps track of running children, so that all of them stop with the host."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()

    @contextlib.contextmanager
    def start(
        self,
        arguments: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        folder: Path | None = None,
        piped: bool,
        given: bytes | None = None,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start a process and stop it at the end of the block.

        With ``piped`` the caller reads standard output and error; otherwise they go to the host's own. The process reads
        ``given`` from its standard input, which is empty without it.
        """
        stream = subprocess.PIPE if piped else None
        child = subprocess.Popen(
            [str(argument) for argument in arguments],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=stream,
            stderr=stream,
        )
        with self._lock:
            self._running.add(child)
        try:
            if child.stdin is not None:
                threading.Thread(target=_feed, args=(child.stdin, given), daemon=True).start()
            yield child
        finally:
            with self._lock:
                self._running.discard(child)
            end(child)

    def interrupt(self) -> None:
        """Interrupt all children."""
        with self._lock:
            running = list(self._running)
        for child in running:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill all children."""
        with self._lock:
            running = list(self._running)
        for child in running:
            with contextlib.suppress(ProcessLookupError):
                child.kill()


def _feed(stream: IO[bytes], given: bytes | None) -> None:
    with contextlib.suppress(BrokenPipeError), stream:
        stream.write(given or b"")


def end(child: subprocess.Popen[bytes]) -> None:
    """Terminate a process, and kill it if it does not stop."""
    if child.poll() is not None:
        return
    child.send_signal(signal.SIGINT)
    try:
        child.wait(timeout=_LEAVE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def lines(child: subprocess.Popen[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield what a piped process prints, as ("stdout" | "stderr", bytes), until both streams end."""
    received: queue.SimpleQueue[tuple[str, bytes] | None] = queue.SimpleQueue()

    def read(name: str, stream: IO[bytes]) -> None:
        with stream:
            while chunk := os.read(stream.fileno(), 65536):
                received.put((name, chunk))
        received.put(None)

    streams = [
        (name, stream) for name, stream in (("stdout", child.stdout), ("stderr", child.stderr)) if stream
    ]
    for name, stream in streams:
        threading.Thread(target=read, args=(name, stream), daemon=True).start()
    ended = 0
    while ended < len(streams):
        item = received.get()
        if item is None:
            ended += 1
        else:
            yield item
