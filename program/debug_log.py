"""Run a command of Pulumi with its most verbose log, and keep every secret of the stack out of what it prints.

From level 7 on, Pulumi's log contains what plugins are sent and answer, Secrets in Base64 included. This command replaces secrets before
anything is written, in every spelling that it knows, so that the log can be attached to an issue.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from clients import private_folder, processes
from domain.errors import ReportedError
from domain.redaction import MASK, spellings, with_lines
from program import stack_secrets
from program.debug_output import ALLOWED, FLAGS, other_secrets, verbosity

LEVEL = 9
"""Level of the log if the command has none; Pulumi knows no more verbose one that is for people."""
EXIT_FAILED = 2
"""Exit code if Pulumi was not run."""
_PIECE = 1 << 20
"""Bytes that are read at once."""
_EXAMPLE = """\
The log goes to standard error:

  python -m program.debug_log up --stack prod --yes 2> pulumi.log

Pulumi sees no terminal, so an update needs --yes. The exit code is Pulumi's; 2 if Pulumi was not run."""


class DebugLogError(ReportedError):
    """A command that cannot be run without secrets in its log."""


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of Pulumi and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="python -m program.debug_log",
        description=__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        help="command of pulumi (such as up, preview, destroy), and its options",
    )
    command = parser.parse_args(given).command
    if not command:
        parser.error("name a command of pulumi, such as preview")
    try:
        if refused := [f"{sentence}." for sentence in other_secrets(command, os.environ)]:
            raise DebugLogError("\n".join(refused))
        return run(command, secrets_for(command))
    except ReportedError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
    finally:
        private_folder.remove()


def secrets_for(command: Sequence[str]) -> tuple[str, ...]:
    """Every secret that a command of Pulumi can come across; raises DebugLogError if the stack's cannot be read."""
    selection, root = _selection(command)
    configuration = _read(("config", "--json", "--show-secrets", *selection))
    state = _read(("stack", "export", "--show-secrets", *_without_file(selection)))
    return tuple(
        dict.fromkeys(
            (
                *stack_secrets.of_configuration(configuration),
                *stack_secrets.of_state(state, configuration),
                *stack_secrets.of_cluster(state, configuration, root),
                *stack_secrets.of_user(os.environ, stack_secrets.kubeconfigs(os.environ)),
            )
        )
    )


def run(command: Sequence[str], secrets: Sequence[str]) -> int:
    """Run Pulumi with its log on standard error, and return its exit code; both outputs lack ``secrets``.

    Raises DebugLogError: there is no Pulumi.
    """
    begin, end = _split(command)
    level = () if verbosity(begin) else (f"--verbose={LEVEL}",)
    # Without --logtostderr the log would go to files; the last one counts.
    complete = (processes.ENGINE, *begin, *level, "--logflow", "--logtostderr=true", *end)
    try:
        with (
            subprocess.Popen(
                complete, env={**os.environ, ALLOWED: "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as program,
            _ended_by(program),
        ):
            outputs = ((program.stdout, sys.stdout.buffer), (program.stderr, sys.stderr.buffer))
            pumps = [
                threading.Thread(target=_pump, args=(source, output, secrets)) for source, output in outputs
            ]
            for pump in pumps:
                pump.start()
            for pump in pumps:
                pump.join()
            code = program.wait()
    except FileNotFoundError:
        raise DebugLogError(processes.NO_ENGINE) from None
    return code if code >= 0 else 128 - code


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


def _pump(source: IO[bytes] | None, output: IO[bytes], secrets: Sequence[str]) -> None:
    assert source is not None  # noqa: S101 - a pipe was asked for
    masked = Masked(secrets, output)
    while piece := os.read(source.fileno(), _PIECE):
        masked.write(piece)
    masked.end()


def _selection(command: Sequence[str]) -> tuple[tuple[str, ...], Path]:
    """Options that say which stack it is, for other commands, and the program's folder."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-s", "--stack")
    parser.add_argument("-C", "--cwd", default=".")
    parser.add_argument("--config-file")
    parser.add_argument("-v", "--verbose")
    for letter in FLAGS:
        parser.add_argument(f"-{letter}", action="store_true")
    try:
        found, _ = parser.parse_known_args(_split(command)[0])
    except argparse.ArgumentError as error:
        raise DebugLogError(f"{error.argument_name}: {error.message}.") from None
    chosen = {"--stack": found.stack, "--cwd": found.cwd, "--config-file": found.config_file}
    return tuple(f"{name}={value}" for name, value in chosen.items() if value), Path(found.cwd)


def _without_file(selection: Sequence[str]) -> Iterator[str]:
    yield from (option for option in selection if not option.startswith("--config-file="))


def _split(command: Sequence[str]) -> tuple[list[str], list[str]]:
    at = list(command).index("--") if "--" in command else len(command)
    return list(command[:at]), list(command[at:])


def _read(arguments: Sequence[str]) -> Mapping[str, Any]:
    words = " ".join(word for word in arguments if not word.startswith("-"))
    quiet = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", "NO_COLOR": "1"}
    try:
        done = subprocess.run(
            (processes.ENGINE, *arguments, "--non-interactive"),
            env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise DebugLogError(processes.NO_ENGINE) from None
    if done.returncode != 0:
        lines = [line.strip().removeprefix("error: ") for line in done.stderr.splitlines() if line.strip()]
        raise DebugLogError(
            f"the stack's secrets are needed to keep them out of the log, and `pulumi {words}` failed: {(lines or ['it gave no reason'])[0]}."
        )
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
