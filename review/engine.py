"""Previews and updates with Pulumi's Automation API."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pulumi import automation as auto

from clients import processes
from domain.errors import ReportedError
from policy.levels import levels_for
from review.model import Violation

_MANDATORY = ("mandatory", "remediate")


class PulumiError(ReportedError):
    """Pulumi failed; the message is Pulumi's own."""


@dataclass(frozen=True)
class Printed:
    """Output of one preview."""

    text: str
    """Output of `pulumi preview --json`, even of a failed preview."""
    violations: tuple[Violation, ...]
    """Policy violations, which the JSON lacks."""


def stacks(folder: Path) -> list[str]:
    """Names of all stacks of the project in the backend; raises PulumiError."""
    try:
        return [item.name for item in _workspace(folder).list_stacks()]
    except auto.CommandError as error:
        raise PulumiError(f"pulumi stack ls failed: {reason(error)}") from None


def select(name: str, folder: Path) -> auto.Stack:
    """A stack of the program in ``folder``; raises PulumiError (no such stack, no pulumi)."""
    try:
        return auto.Stack.select(name, _workspace(folder))
    except auto.CommandError as error:
        raise PulumiError(reason(error)) from None


def configuration(name: str, folder: Path) -> auto.ConfigMap:
    """Configuration of a stack, secrets in plain text; raises PulumiError (no such stack, no passphrase, no pulumi)."""
    try:
        return _workspace(folder).get_all_config(name)
    except auto.CommandError as error:
        raise PulumiError(f"pulumi config of the stack {name} failed: {reason(error)}") from None


def _workspace(folder: Path) -> auto.LocalWorkspace:
    try:
        command = _command()
    except FileNotFoundError:
        raise PulumiError(processes.NO_ENGINE) from None
    except auto.InvalidVersionError as error:
        raise PulumiError(str(error)) from None
    return auto.LocalWorkspace(
        work_dir=str(folder),
        env_vars={"PULUMI_SKIP_UPDATE_CHECK": "true", "NO_COLOR": "1"},
        pulumi_command=command,
    )


@cache
def _command() -> auto.PulumiCommand:
    """The CLI, which is asked for its version once, not for each stack of a fleet."""
    return auto.PulumiCommand()


def preview(stack: auto.Stack, *, policy_packs: Sequence[str] = (), refresh: bool = False) -> Printed:
    """Preview a stack with policy packs at its levels; raises auto.CommandError if there is no JSON."""
    lines: list[str] = []
    violations: list[Violation] = []

    def note(event: auto.events.EngineEvent) -> None:
        found = event.policy_event
        if found is not None:
            mandatory = str(found.enforcement_level) in _MANDATORY
            # The engine prepends the rule's description to its message.
            message = found.message.strip().splitlines()[-1].strip()
            violations.append(Violation(found.policy_name, mandatory, message))

    failure: auto.CommandError | None = None
    try:
        stack.preview(
            json=True,
            policy_packs=list(policy_packs) or None,
            policy_pack_configs=_levels(policy_packs, stack.name),
            refresh=refresh or None,
            on_output=lines.append,
            on_event=note,
        )
    except auto.CommandError as error:
        failure = error
    text = "\n".join(lines)
    begin, end = text.find("{"), text.rfind("}")
    stopped = any(item.mandatory for item in violations)
    if begin < 0:
        raise failure or PulumiError(f"pulumi preview of the stack {stack.name} printed nothing")
    if failure is not None and not stopped and '"severity": "error"' not in text:
        raise failure
    return Printed(text[begin : end + 1], tuple(dict.fromkeys(violations)))


def update(stack: auto.Stack, *, policy_packs: Sequence[str] = (), refresh: bool = False) -> bool:
    """Update a stack; returns whether anything changed. Raises auto.CommandError."""
    result = stack.up(
        color="never",
        show_secrets=False,
        policy_packs=list(policy_packs) or None,
        policy_pack_configs=_levels(policy_packs, stack.name),
        refresh=refresh or None,
    )
    changes = result.summary.resource_changes or {}
    return any(count for kind, count in changes.items() if str(kind).rsplit(".", 1)[-1].lower() != "same")


def _levels(policy_packs: Sequence[str], stack: str) -> list[str] | None:
    found = [str(levels_for(Path(pack), stack) or os.devnull) for pack in policy_packs]
    return found if any(item != os.devnull for item in found) else None


def reason(error: Exception) -> str:
    """The relevant sentence of Pulumi's output."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    mandatory = [line for line in lines if line.startswith("[mandatory]")]
    errors = [line for line in lines if "error:" in line]
    chosen = mandatory or errors[:1] or lines[:1]
    return "; ".join(line.removeprefix("stderr: ").removeprefix("error: ") for line in chosen)
