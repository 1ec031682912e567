"""What a user reads about a release that does not get ready: workloads, reasons, remedies, warnings and last log lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from clients.helm.pod_failures import PodFailure, Reason
from delivery.connection_data import created_secret
from domain.basic_auth import basic_auth
from domain.redaction import SHORTEST, redact
from settings.connections import HttpsConnection
from settings.secret_texts import secret_texts
from settings.stack import Settings

Log = tuple[str, ...]
"""The last lines of a container."""

_REMEDIES: Mapping[Reason, str] = {
    Reason.NO_IMAGE: "correct `{p}:agent.image`, or run `pulumi up` again if the image was deleted from the registry, so that it is pushed",
    Reason.IMAGE_ACCESS: "correct `{p}:registryPassword`, `{p}:pullRegistryPassword` or the Secret that `{p}:agent.imagePullSecret` names",
    Reason.IMAGE: "check that the nodes reach the registry",
    Reason.MISSING: "run `pulumi up --refresh` if this stack creates it; else create it in the namespace {n}, or correct the key of "
    "`{p}:agent` that names it",
    Reason.CONFIG: "correct `{p}:agent.podSecurity` or `{p}:agent.values`",
    Reason.VOLUME: "correct the volume in `{p}:agent.values`, or what it names",
    Reason.UNSCHEDULABLE: "lower the `resources` in `{p}:agent`, correct its node selection, or add a node",
    Reason.MEMORY: "raise `resources` of that component in `{p}:agent`, or lower a worker's `slots`",
    Reason.CRASH: "read its last lines below; the image and `{p}:agent.env` are the usual causes",
    Reason.PROBE: "read its last lines below; raise the probe's `failureThreshold` in its `values` if it only starts slowly",
    Reason.EVICTED: "raise `ephemeral-storage` or memory in the `resources` of `{p}:agent`",
    Reason.REFUSED: "meet that rule with `{p}:agent.podSecurity` or `{p}:agent.values`, or change the rule",
    Reason.QUOTA: "lower the `resources` in `{p}:agent`, or raise the quota",
    Reason.STARTING: "raise `{p}:agent.timeout` if it only starts slowly",
}
_MOST = 8
"""Failures that are described; more are counted."""
_LONGEST = 400
"""Characters of one line."""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True)
class Described:
    """Failures that read the same, and the log of the first."""

    failures: tuple[PodFailure, ...]
    """At least one."""
    log: Log = ()
    """Its last lines, not redacted."""


def grouped(failures: Iterable[PodFailure]) -> tuple[tuple[PodFailure, ...], ...]:
    """Failures of the same kind in the same workload and container, together."""
    groups: dict[tuple[str, str | None, Reason], list[PodFailure]] = {}
    for failure in failures:
        groups.setdefault((failure.workload, failure.container, failure.reason), []).append(failure)
    return tuple(tuple(group) for group in groups.values())


class Wording:
    """Writes about failures in the words of one stack, without its secrets."""

    def __init__(self, settings: Settings, *, project: str) -> None:
        self._project = project
        self._namespace = settings.agent.namespace
        self._secrets = _secrets(settings)

    def sentence(self, failures: Sequence[PodFailure]) -> str:
        """One line about failures that read the same: where, what, and what to do."""
        first = failures[0]
        where = first.workload
        if first.pod is not None:
            where += f", Pod {first.pod['metadata']['name']}"
            if len(failures) > 1:
                where += f" and {len(failures) - 1} more"
        if first.container is not None:
            where += f", container {first.container}"
        remedy = _REMEDIES[first.reason].format(p=self._project, n=self._namespace)
        return f"{where}: {self._clean(first.text)}; {remedy}"

    def report(self, described: Sequence[Described]) -> str:
        """Several lines about everything that is not ready."""
        lines: list[str] = []
        for item in described[:_MOST]:
            lines.append(f"- {self.sentence(item.failures)}.")
            lines.extend(f"    event | {self._clean(event)}" for event in item.failures[0].events)
            lines.extend(f"    log   | {self._clean(line)}" for line in item.log)
        if len(described) > _MOST:
            lines.append(f"- and {len(described) - _MOST} more reasons.")
        return "\n".join(lines)

    def _clean(self, text: str) -> str:
        """The text on one line, without secrets, control characters and what consoles take for commands."""
        plain = _CONTROL.sub(" ", redact(text, self._secrets)).replace("\n", " ")
        plain = plain.replace("<{%", "< {%").replace("##vso[", "# #vso[").replace("##[", "# #[")
        return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"


def _secrets(settings: Settings) -> tuple[str, ...]:
    """Every secret of the stack, and what the program makes from them."""
    secrets = [text for text in secret_texts(settings) if len(text) >= SHORTEST]
    made = [
        text
        for name, connection in settings.connections.items()
        if connection.created_here
        for text in created_secret(settings, name).values()
        if any(secret in text for secret in secrets)
    ]
    pairs = [
        (registry.username, password.get_secret_value())
        for registry, password in (
            (settings.registry, settings.registry_password),
            (settings.base_registry, settings.base_registry_password),
            (settings.pull_registry, settings.pull_registry_password),
        )
        if registry is not None and password is not None
    ]
    for name, connection in settings.connections.items():
        password_of = settings.password_of(name)
        if password_of is not None and isinstance(connection, HttpsConnection):
            pairs.append((connection.login, password_of))
    basic = [basic_auth(user, password) for user, password in pairs]
    return (*secrets, *made, *basic)
