"""Making and removing objects of the trial's cluster, by kubectl."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from trial.environment import Environment


def kubectl(environment: Environment, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl against the trial and return what it printed."""
    ended = subprocess.run(
        ["kubectl", *arguments],
        env=dict(environment.variables()),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def make(environment: Environment, kind: str, name: str, namespace: str | None = None, **body: Any) -> None:
    """Create or replace an object; ``body`` are its top-level fields, `labels` go into its metadata."""
    metadata: dict[str, Any] = {"name": name, "labels": body.pop("labels", {})}
    if namespace:
        metadata["namespace"] = namespace
    api, _, kind = kind.rpartition("/")
    manifest = {"apiVersion": api or "v1", "kind": kind, "metadata": metadata, **body}
    kubectl(environment, "apply", "--filename", "-", stdin=json.dumps(manifest))
