"""Running other programs to completion."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trial.errors import TrialError

KEPT_LINES = 12


def run(
    argv: Sequence[str | Path],
    *,
    purpose: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | bytes | None = None,
    seconds: float | None = None,
    on_line: Callable[[str], None] | None = None,
) -> str:
    """Run a program and return its standard output.

    ``argv`` never contains a secret, because arguments are visible to everybody on the machine. ``purpose`` is for the error
    message: "packaging the chart". ``env`` is added to this process' variables, ``seconds`` is the time limit, and
    ``on_line`` is called with every line of output and errors while the program runs.

    Raises TrialError: it could not be started, took too long or failed; with its last lines of output.
    """
    words = [str(word) for word in argv]
    environment = {**os.environ, **(env or {})}
    data = stdin.encode() if isinstance(stdin, str) else stdin
    try:
        if on_line is None:
            ended = subprocess.run(
                words,
                env=environment,
                cwd=cwd,
                input=data if data is not None else b"",
                timeout=seconds,
                capture_output=True,
                check=False,
            )
            output = ended.stdout.decode(errors="replace")
            code, said = ended.returncode, ended.stderr.decode(errors="replace") or output
        else:
            code, said = _stream(words, environment, cwd, on_line)
            output = said
    except FileNotFoundError as error:
        raise TrialError(f"{purpose} needs the program {words[0]}, which is not installed.") from error
    except subprocess.TimeoutExpired as error:
        raise TrialError(f"{purpose}: {words[0]} did not finish within {seconds:.0f} seconds.") from error
    if code != 0:
        last = "\n".join("  " + line for line in said.strip().splitlines()[-KEPT_LINES:])
        raise TrialError(f"{purpose} failed: {Path(words[0]).name} ended with code {code}.\n{last}".rstrip())
    return output


def _stream(
    words: list[str], environment: Mapping[str, str], cwd: Path | None, on_line: Callable[[str], None]
) -> tuple[int, str]:
    kept: list[str] = []
    with subprocess.Popen(
        words, env=dict(environment), cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace",
    ) as process:  # fmt: skip
        assert process.stdout is not None  # noqa: S101
        try:
            for line in process.stdout:
                kept.append(line)
                on_line(line.rstrip("\n"))
        except BaseException:
            process.terminate()
            raise
    return process.returncode, "".join(kept)
