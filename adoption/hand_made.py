"""A release that was installed by hand, from a values file or the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adoption.errors import AdoptionError
from clients.errors import RemoteError
from clients.helm.history import release_record, release_state
from clients.kubernetes import Cluster
from settings import helm_yaml


@dataclass(frozen=True)
class HandMade:
    """What is known of the release."""

    values: Mapping[str, Any]
    """Values that were given to Helm."""
    argument: str
    """The argument of the command line that names it again."""
    chart_version: str | None = None
    """Version of the chart; known only from a live release."""
    namespace: str | None = None
    """Namespace of Helm's records."""
    release: str | None = None
    """Name of the release."""

    def __repr__(self) -> str:
        return f"HandMade({self.argument})"


def from_file(path: Path) -> HandMade:
    """Read a values file as Helm does. Raises AdoptionError."""
    try:
        content = helm_yaml.load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AdoptionError(
            f"{path} cannot be read ({error.strerror}); name the values file of the release"
        ) from None
    except helm_yaml.HelmYamlError as error:
        line = f" (line {error.line})" if error.line else ""
        raise AdoptionError(f"{path} is not valid YAML{line}; correct the file") from None
    except UnicodeDecodeError:
        raise AdoptionError(f"{path} is not UTF-8 text; correct the file") from None
    if not isinstance(content, dict):
        raise AdoptionError(f"{path} is not a mapping; name the values file of the release")
    return HandMade(content, str(path))


def from_release(cluster: Cluster, identity: str) -> HandMade:
    """Read a live release; ``identity`` is `<namespace>/<release>`. Raises AdoptionError."""
    namespace, slash, name = identity.partition("/")
    if not (namespace and slash and name):
        raise AdoptionError(f"--release is {identity}; write <namespace>/<release>")
    try:
        state = release_state(cluster, namespace=namespace, name=name)
        deployed = next((item for item in state.revisions if item.status == "deployed"), None)
        if deployed is None:
            raise AdoptionError(
                f"--release is {identity}, but the cluster has no deployed release of that name; "
                "`helm list --all-namespaces` shows what there is"
            )
        record = release_record(cluster, namespace=namespace, revision=deployed)
    except RemoteError as error:
        raise AdoptionError(
            f"--release cannot be read from {cluster.server} ({error}); check the kubeconfig and its context"
        ) from None
    return HandMade(record.values, f"--release {identity}", record.chart_version or None, namespace, name)
