"""Reading the output of `pulumi preview --json`.

Its format is `PreviewDigest` of pulumi's Go package `display` (json.go, 3.246.0). Secret values are already replaced with
`[secret]`, values that are unknown before the update are missing, and unchanged resources are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from domain.errors import ReportedError
from domain.names import STACK_TYPE

Operation = Literal["create", "update", "replace", "delete", "same", "read", "refresh", "import"]
_OPERATIONS: Mapping[str, Operation] = {
    "create": "create",
    "update": "update",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "delete": "delete",
    "same": "same",
    "read": "read",
    "read-replacement": "read",
    "refresh": "refresh",
    "import": "import",
    "import-replacement": "replace",
    "discard": "read",
    "discard-replaced": "read",
    "remove-pending-replace": "delete",
}


_PASSIVE = ("same", "read", "refresh")


class PreviewError(ReportedError):
    """The text is not output of `pulumi preview --json`; the message is one sentence."""


@dataclass(frozen=True)
class Step:
    """Change of one resource."""

    operation: Operation
    """The operation; a replacement is one step."""
    type: str
    """Type token of the resource, without its parents'."""
    name: str
    """Name in the program."""
    urn: str
    """Pulumi's name for it."""
    before: Mapping[str, Any] = field(default_factory=dict)
    """Inputs of the last update; empty for a resource that does not exist yet."""
    after: Mapping[str, Any] = field(default_factory=dict)
    """Inputs of the coming update, without unknown ones; empty for a resource that is removed."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Outputs of the last update."""
    paths: tuple[str, ...] = ()
    """Properties that differ, according to the resource's plugin."""
    reasons: tuple[str, ...] = ()
    """Properties that force a replacement."""
    protected: bool = False
    """Whether Pulumi refuses to delete it."""

    @property
    def object_name(self) -> str:
        """Name of the Kubernetes object, or the program's name for any other resource."""
        for inputs in (self.after, self.before):
            metadata = inputs.get("metadata")
            if isinstance(metadata, Mapping) and metadata.get("name"):
                return str(metadata["name"])
        return self.name


@dataclass(frozen=True)
class Diagnostic:
    """One message of the engine or the program."""

    severity: str
    """error, warning or info."""
    text: str
    """The message, without the engine's prefix."""


@dataclass(frozen=True)
class Preview:
    """One preview of one stack."""

    project: str
    """Name of the Pulumi project."""
    stack: str
    """Name of the stack."""
    config: Mapping[str, str]
    """The stack's configuration; secret values are `[secret]`."""
    steps: tuple[Step, ...]
    """Everything that differs, and the stack itself, in the engine's order."""
    diagnostics: tuple[Diagnostic, ...]
    """Messages of engine and program."""

    @property
    def errors(self) -> tuple[str, ...]:
        """Messages that stopped the preview."""
        return tuple(item.text for item in self.diagnostics if item.severity == "error")

    @property
    def warnings(self) -> tuple[str, ...]:
        """Messages that did not."""
        return tuple(item.text for item in self.diagnostics if item.severity == "warning")

    @property
    def changed(self) -> tuple[Step, ...]:
        """Steps that change something, in a stable order."""
        changing = [
            step for step in self.steps if step.operation in ("create", "update", "replace", "delete")
        ]
        return tuple(sorted(changing, key=lambda step: (step.type, step.object_name, step.urn)))

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Outputs of the stack's last update; empty before the first."""
        return next((step.outputs for step in self.steps if step.type == STACK_TYPE), {})

    def of_type(self, type_: str) -> tuple[Step, ...]:
        """Changing steps of one type."""
        return tuple(step for step in self.changed if step.type == type_)

    def key(self, name: str) -> str | None:
        """Text of one key of the configuration."""
        return self.config.get(f"{self.project}:{name}")

    def entries(self, name: str) -> tuple[Mapping[str, Any], ...]:
        """The entries of a key that holds a list, or the one that stands there without a list; none where it is unreadable."""
        try:
            found = json.loads(self.key(name) or "[]")
        except ValueError:
            return ()
        items = found if isinstance(found, list) else [found]
        return tuple(item for item in items if isinstance(item, Mapping))


def parse(text: str, *, stack: str | None = None) -> Preview:
    """Parse the output of `pulumi preview --json`.

    ``stack`` is the stack's name, for a preview that failed before Pulumi reported it. Raises PreviewError.
    """
    try:
        digest = json.loads(text)
    except ValueError:
        raise PreviewError(
            "the preview is not JSON; create it with `pulumi preview --json --stack NAME > preview.json`"
        ) from None
    if not isinstance(digest, Mapping) or not {"steps", "config", "diagnostics"} & set(digest):
        raise PreviewError(
            "the JSON has none of steps, config and diagnostics, so it is not a preview; "
            "create it with `pulumi preview --json --stack NAME > preview.json`"
        )
    steps = tuple(_step(item) for item in digest.get("steps") or ())
    config = {str(key): _text(value) for key, value in (digest.get("config") or {}).items()}
    named_stack, project = _names(steps, config)
    return Preview(
        project=project,
        stack=stack or named_stack or "unknown",
        config=config,
        steps=_merged(steps),
        diagnostics=tuple(_diagnostic(item) for item in digest.get("diagnostics") or ()),
    )


def _step(item: Mapping[str, Any]) -> Step:
    urn = str(item.get("urn", ""))
    parts = urn.split("::")
    old, new = item.get("oldState") or {}, item.get("newState") or {}
    return Step(
        operation=_OPERATIONS.get(str(item.get("op")), "update"),
        type=parts[-2].split("$")[-1] if len(parts) > 2 else "",
        name=parts[-1],
        urn=urn,
        before=old.get("inputs") or {},
        after=new.get("inputs") or {},
        outputs=old.get("outputs") or {},
        paths=tuple(sorted(item.get("detailedDiff") or {})),
        reasons=tuple(sorted(item.get("replaceReasons") or ())),
        protected=bool(old.get("protect")),
    )


def _merged(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """One step per resource: its change after a refresh, without the two halves of a replacement."""
    merged: dict[str, Step] = {}
    for step in steps:
        known = merged.get(step.urn)
        whole = step.operation == "replace" and bool(step.before and step.after)
        later = step.operation not in _PASSIVE and known is not None and known.operation != "replace"
        if known is None or known.operation in _PASSIVE or whole or later:
            merged[step.urn] = step
    return tuple(merged.values())


def _names(steps: tuple[Step, ...], config: Mapping[str, str]) -> tuple[str | None, str]:
    for step in steps:
        parts = step.urn.split(":")
        if len(parts) > 4 and step.urn.startswith("urn:pulumi:"):
            head = step.urn.removeprefix("urn:pulumi:").split("::")
            return head[0], head[1]
    projects = sorted({key.split(":")[0] for key in config if key.endswith(":agent")})
    return None, projects[0] if projects else "astro-dbt"


def _diagnostic(item: Mapping[str, Any]) -> Diagnostic:
    severity = str(item.get("severity", "info"))
    severity = "info" if severity.startswith("info") else severity
    text = str(item.get("message", "")).strip()
    return Diagnostic(severity, text.removeprefix(f"{severity}: ").strip())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
