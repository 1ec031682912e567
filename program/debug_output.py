"""Ways to debug Pulumi that write the stack's secrets somewhere, and the refusal to run with one of them unasked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from clients import processes
from domain.errors import ReportedError

ALLOWED = "ASTRO_DBT_LOG_SECRETS"
"""Variable that allows it, for who keeps the output to themselves."""

_HIGHEST_LEVEL = 6
"""Last level at which Pulumi logs no property of a resource.

From 7 on the planned inputs are logged, from 9 on everything that goes to plugins and back (pulumi/pulumi v3.246.0,
pkg/resource/deploy/step_generator.go and sdk/go/common/resource/plugin/rpc.go). The filter of the log knows the stack's secret texts,
but not their Base64, which is what Kubernetes answers (sdk/go/common/util/logging/log.go).
"""

FLAGS = "defjrQy"
"""Short options of `pulumi up`, `preview`, `destroy` and `refresh` without a value, which may precede another one in an argument."""

_VERBOSE = re.compile(rf"(?:--verbose|-[{FLAGS}]*v)(?:=?(?P<level>[0-9]+))?")


class DebugOutputError(ReportedError):
    """A run whose debug output would contain secrets."""


def refuse(*, masking: str = "") -> None:
    """Raise `DebugOutputError` if the engine writes secrets for debugging, unless the variable `ALLOWED` allows it.

    ``masking`` is a command that gives the log without them, if there is one. The engine's options are read from the system, so
    this holds where it shows the arguments of a process (Linux).
    """
    if _is_true(os.environ, ALLOWED):
        return
    found = tuple(with_secrets(processes.arguments_of_nearest(processes.ENGINE), os.environ, masking=masking))
    if found:
        allow = f"set {ALLOWED}=1 if nobody else can read that"
        raise DebugOutputError("\n".join(f"{sentence}, or {allow}." for sentence in found))


def with_secrets(
    arguments: Sequence[str], variables: Mapping[str, str], *, masking: str = ""
) -> Iterator[str]:
    """Say, without a full stop, what writes secrets and what to do instead, for each such option and variable of the engine."""
    level = verbosity(arguments)
    if level > _HIGHEST_LEVEL:
        masked = f", or `{masking}`, which replaces them" if masking else ""
        yield (
            f"--verbose={level}: makes Pulumi log the content of Secrets in Base64; use --verbose={_HIGHEST_LEVEL}{masked}"
        )
    yield from other_secrets(arguments, variables)


def other_secrets(arguments: Sequence[str], variables: Mapping[str, str]) -> Iterator[str]:
    """The same for all but the level of the log: what writes secrets elsewhere."""
    traced = any(option.partition("=")[0] == "--tracing" for option in options_of(arguments))
    if traced and not _is_true(variables, "PULUMI_TRACING_NO_PAYLOADS"):
        yield (
            "--tracing: makes Pulumi write every secret of the stack into the trace; "
            "set PULUMI_TRACING_NO_PAYLOADS=1 and delete the trace of this run"
        )
    if variables.get("PULUMI_DEBUG_GRPC"):
        yield (
            "PULUMI_DEBUG_GRPC: makes Pulumi write every secret of the stack into the file that it names; "
            "unset it and delete that file"
        )


def verbosity(arguments: Sequence[str]) -> int:
    """Level of the log that the arguments ask for; 0 if they ask for none."""
    return max(_levels(options_of(arguments)), default=0)


def options_of(arguments: Sequence[str]) -> tuple[str, ...]:
    """The arguments before one that is `--`, among which its options are."""
    return tuple(takewhile(lambda argument: argument != "--", arguments))


def _levels(options: Sequence[str]) -> Iterator[int]:
    for option, following in zip(options, (*options, "")[1:], strict=True):
        if found := _VERBOSE.fullmatch(option):
            level = found["level"] or following
            if level.isdecimal():
                yield int(level)


def _is_true(variables: Mapping[str, str], name: str) -> bool:
    return variables.get(name, "").lower() in {"1", "true"}
