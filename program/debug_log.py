"""Run a command of Pulumi with its most verbose log, and keep every secret of the stack out of what it prints.

From level 7 on, Pulumi's log contains what plugins are sent and answer, Secrets in Base64 included. This command replaces secrets before
anything is written, in every spelling that it knows, so that the log can be attached to an issue.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients import private_folder, processes
from clients.kubernetes import kubeconfigs
from domain.errors import ReportedError
from program import masked_run, stack_secrets
from program.debug_output import ALLOWED, FLAGS, options_of, other_secrets, verbosity

LEVEL = 9
"""Level of the log if the command has none; Pulumi knows no more verbose one that is for people."""
EXIT_FAILED = 2
"""Exit code if Pulumi was not run."""
_EXAMPLE = """\
The log goes to standard error:

  python -m program.debug_log up --stack prod --yes 2> pulumi.log

Pulumi sees no terminal, so an update needs --yes. The exit code is Pulumi's; 2 if Pulumi was not run."""


class DebugLogError(ReportedError):
    """A command that cannot be run without secrets in its log."""


@dataclass(frozen=True)
class Choice:
    """What a command of Pulumi is about, by its options."""

    stack: str | None
    """None is the selected stack."""
    folder: Path
    """Of the program."""
    config_file: str | None
    """Instead of the stack file."""
    event_log: Path | None
    """File for the event log."""

    @property
    def options(self) -> tuple[str, ...]:
        """The stack and the folder, for another command."""
        stack = () if self.stack is None else (f"--stack={self.stack}",)
        return (*stack, f"--cwd={self.folder}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of Pulumi and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m program.debug_log",
        description=__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, help="command of pulumi (such as up, preview, destroy), and its options"
    )  # fmt: skip
    command: list[str] = parser.parse_args(arguments).command
    if not command:
        parser.error("name a command of pulumi, such as preview")
    try:
        return _run(command)
    except ReportedError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
    finally:
        private_folder.remove()


def choice_of(command: Sequence[str]) -> Choice:
    """What a command is about; raises DebugLogError if an option lacks its value."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-s", "--stack")
    parser.add_argument("-C", "--cwd", default=".")
    parser.add_argument("--config-file")
    parser.add_argument("--event-log")
    parser.add_argument("-v", "--verbose")
    for letter in FLAGS:
        parser.add_argument(f"-{letter}", action="store_true")
    try:
        found, _ = parser.parse_known_args(options_of(command))
    except argparse.ArgumentError as error:
        raise DebugLogError(f"{error.argument_name}: {error.message}.") from None
    folder = Path(found.cwd)
    event_log = folder / found.event_log if found.event_log else None
    return Choice(found.stack or None, folder, found.config_file or None, event_log)


def secrets_for(choice: Choice) -> tuple[str, ...]:
    """Every secret that a command can come across; raises DebugLogError if the stack's cannot be read."""
    file = () if choice.config_file is None else (f"--config-file={choice.config_file}",)
    configuration = _read(("config", "--json", "--show-secrets", *choice.options, *file))
    state = _read(("stack", "export", "--show-secrets", *choice.options))
    found = (
        *stack_secrets.of_configuration(configuration),
        *stack_secrets.of_state(state, configuration),
        *stack_secrets.of_cluster(state, configuration, choice.folder),
        *stack_secrets.of_user(os.environ, kubeconfigs(os.environ)),
    )
    return tuple(dict.fromkeys(found))


def _run(command: Sequence[str]) -> int:
    if refused := [f"{sentence}." for sentence in other_secrets(command, os.environ)]:
        raise DebugLogError("\n".join(refused))
    choice = choice_of(command)
    level = () if verbosity(command) else (f"--verbose={LEVEL}",)
    # Options may precede the command, and those after an argument `--` are none.
    complete = (*level, *command)
    secrets = secrets_for(choice)
    try:
        return masked_run.run(complete, secrets, event_log=choice.event_log, more={ALLOWED: "1"})
    except OSError as error:
        raise DebugLogError(f"--event-log: {error.filename} cannot be written ({error.strerror}).") from None


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
