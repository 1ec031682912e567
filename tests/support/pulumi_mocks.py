"""Pulumi's mocks: they record what is registered; behaviour of the real engine is tested in tests/engine."""

from __future__ import annotations

from typing import Any

import pulumi

SIGNATURE = "4dabf18193072939515e22adb298388d"


def plain(value: Any) -> Any:
    """The value without the wrapping that marks Pulumi secrets."""
    if isinstance(value, dict):
        return (
            plain(value["value"]) if SIGNATURE in value else {key: plain(item) for key, item in value.items()}
        )
    return [plain(item) for item in value] if isinstance(value, list) else value


def clear_text(value: Any) -> str:
    """Everything in the value that is not marked as a Pulumi secret."""
    if isinstance(value, dict):
        return "" if SIGNATURE in value else " ".join(clear_text(item) for item in value.values())
    return " ".join(clear_text(item) for item in value) if isinstance(value, list) else str(value)


class Recorder(pulumi.runtime.Mocks):
    """Gives every resource its inputs back as outputs and remembers it."""

    def __init__(self) -> None:
        self.resources: list[pulumi.runtime.MockResourceArgs] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.resources.append(args)
        outputs = dict(args.inputs)
        if args.typ == "docker:index/image:Image":
            outputs["repoDigest"] = outputs["imageName"].split(":")[0] + "@sha256:" + "0" * 64
        if args.typ == "kubernetes:helm.sh/v3:Release":
            outputs["status"] = {"name": args.inputs["name"], "status": "deployed", "revision": 1}
        return f"{args.name}-id", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], None]:
        return {}, None

    def of_type(self, token: str) -> dict[str, dict[str, Any]]:
        """Name -> inputs of the resources of one type."""
        return {item.name: plain(item.inputs) for item in self.resources if item.typ == token}

    def in_clear(self) -> str:
        """Everything that was registered without being marked as a secret."""
        return " ".join(clear_text(item.inputs) for item in self.resources)
