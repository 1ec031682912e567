"""Access to API servers, and objects of the trial's cluster."""

from __future__ import annotations

import json
from typing import Any

import yaml

from trial.environment import Environment


def kubectl(
    environment: Environment, *arguments: str, stdin: str | None = None, seconds: float = 60.0
) -> str:
    """Output of kubectl against the trial. Raises TrialError: it failed, or took longer."""
    return environment.kubectl(*arguments, stdin=stdin, purpose="a step of a test", seconds=seconds)


def make(environment: Environment, kind: str, name: str, namespace: str | None = None, **body: Any) -> None:
    """Create or replace an object; ``body`` are its top-level fields, `labels` go into its metadata."""
    metadata: dict[str, Any] = {"name": name, "labels": body.pop("labels", {})}
    if namespace:
        metadata["namespace"] = namespace
    api, _, kind = kind.rpartition("/")
    manifest = {"apiVersion": api or "v1", "kind": kind, "metadata": metadata, **body}
    kubectl(environment, "apply", "--filename", "-", stdin=json.dumps(manifest))


def kubeconfig(server: str, **user: Any) -> str:
    """A kubeconfig whose only context, `trial`, is a server's URL with these fields of the user."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "trial",
            "clusters": [{"name": "trial", "cluster": {"server": server}}],
            "users": [{"name": "trial", "user": user}],
            "contexts": [{"name": "trial", "context": {"cluster": "trial", "user": "trial"}}],
        }
    )
