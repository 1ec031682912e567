"""A run of Pulumi whose output lacks given secrets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from clients import processes
from clients.private_folder import private_folder
from domain.redaction import MASK, spellings, with_lines
from program.debug_output import options_of

_PIECE = 1 << 20
"""Bytes that are read at once."""
_WAKES = 0.2
"""Seconds within which a signal is handled."""


class Masked:
    """A stream of bytes without secrets. It is passed on in whole lines, so that no piece of it ends in the middle of a secret."""

    def __init__(self, secrets: Sequence[str], output: IO[bytes]) -> None:
        self._spellings = tuple(
            text.encode(errors="surrogateescape") for text in spellings(with_lines(secrets))
        )
        self._output = output
        self._rest = b""

    def write(self, piece: bytes) -> None:
        """Pass on the lines that end in this piece."""
        lines, newline, self._rest = (self._rest + piece).rpartition(b"\n")
        self._pass_on(lines + newline)

    def end(self) -> None:
        """Pass on a last line without an end."""
        self._pass_on(self._rest)
        self._rest = b""

    def _pass_on(self, text: bytes) -> None:
        if text:
            for spelling in self._spellings:
                text = text.replace(spelling, MASK.encode())
            try:
                self._output.write(text)
                self._output.flush()
            except BrokenPipeError:
                # Its reader has gone, such as `head`. Pulumi must not wait for one for ever, nor end half-way.
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._output.fileno())


def run(
    options: Sequence[str], secrets: Sequence[str], *, event_log: Path | None, more: Mapping[str, str]
) -> int:
    """Run Pulumi with its log on standard error, and return its exit code; neither output contains one of the secrets.

    The options are those before an argument `--`, ``event_log`` is where an event log goes, ``more`` are variables of the environment.
    Raises FileNotFoundError (no Pulumi) and OSError (the event log cannot be written).
    """
    # Without --logtostderr the log would go to files. Of an option that is given twice, the last one counts.
    begin = options_of(options)
    command = [processes.ENGINE, *begin, "--logflow", "--logtostderr=true"]
    with ExitStack() as ends:
        if event_log is not None:
            command.append(f"--event-log={ends.enter_context(_masked_file(event_log, secrets))}")
        program = ends.enter_context(
            subprocess.Popen(
                [*command, *options[len(begin):]],
                env={**os.environ, **more}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
        )  # fmt: skip
        ends.enter_context(_ended_by(program))
        assert program.stdout is not None and program.stderr is not None  # noqa: S101, PT018 - pipes were asked for
        with (
            _passed_on(program.stdout.fileno(), sys.stdout.buffer, secrets),
            _passed_on(program.stderr.fileno(), sys.stderr.buffer, secrets),
        ):
            pass
        code = program.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _passed_on(source: int, output: IO[bytes], secrets: Sequence[str]) -> Iterator[None]:
    """Mask what comes from a pipe in the background; at the end of the block, wait until it has ended."""
    masked = Masked(secrets, output)

    def work() -> None:
        while piece := os.read(source, _PIECE):
            masked.write(piece)
        masked.end()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    # A signal may reach another thread, and is handled only when this one, the main thread, wakes.
    while thread.is_alive():
        thread.join(_WAKES)


@contextmanager
def _masked_file(file: Path, secrets: Sequence[str]) -> Iterator[Path]:
    """A path to write to for another process, whose content goes into a file without the secrets."""
    pipe = private_folder() / "events"
    os.mkfifo(pipe, 0o600)
    with file.open("wb") as output:
        source = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        # As long as this process could write too, the pipe does not end, although nobody may have opened it yet.
        held = os.open(pipe, os.O_WRONLY)
        os.set_blocking(source, True)
        with _passed_on(source, output, secrets):
            try:
                yield pipe
            finally:
                os.close(held)
        os.close(source)


@contextmanager
def _ended_by(program: subprocess.Popen[bytes]) -> Iterator[None]:
    """Have the program end the run in order where this process is to end. Ctrl-C reaches both without that."""
    handlers: Mapping[int, Any] = {
        signal.SIGINT: lambda _signal, _frame: None,
        signal.SIGTERM: lambda _signal, _frame: program.terminate(),
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
