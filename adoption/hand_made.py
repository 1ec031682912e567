"""A release that was installed by hand, from a values file or the cluster."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adoption.errors import AdoptionError
from clients.errors import RemoteError
from clients.helm.history import release_record, release_state
from clients.kubernetes import Cluster
from domain.merge import merge
from settings import helm_yaml
from settings.chart_keys import KNOWN


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


def from_files(paths: Sequence[Path], *, namespace: str | None = None) -> HandMade:
    """Read values files as Helm does, later ones over earlier ones; ``namespace`` is that of Helm's records. Raises AdoptionError."""
    values: dict[str, Any] = {}
    for path in paths:
        values = merge(values, _content(path))
    names = " and ".join(map(str, paths))
    if not any(key in KNOWN for key in values):
        raise AdoptionError(f"{names} has no key of the chart; name the values file of the release")
    mistake = next(_misshapen(values), None)
    if mistake:
        raise AdoptionError(f"{names} is not what the chart takes: {mistake}; correct the file")
    if not values.get("namespace"):
        raise AdoptionError(
            f"{names} lacks `namespace`, which the chart needs; name every file that Helm was given, in the same order, or "
            "read the live release with --release, which also has what `--set` gave it"
        )
    return HandMade(values, " ".join(shlex.quote(str(path)) for path in paths), namespace=namespace)


def _content(path: Path) -> dict[str, Any]:
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
    return content


def _misshapen(values: Mapping[str, Any]) -> Iterator[str]:
    """What cannot be read as the chart reads it."""
    yield from _not_objects("workers", values.get("workers"))
    yield from _not_variables("commonEnv", values.get("commonEnv"))
    for key in ("dagProcessor", "triggerer", "sentinel", "openLineage"):
        if not isinstance(values.get(key), Mapping | None):
            yield f"{key} is not a mapping"
    blocks = {f"workers[{index}]": worker for index, worker in enumerate(values.get("workers") or ())}
    blocks |= {key: values.get(key) for key in ("dagProcessor", "triggerer", "sentinel")}
    for key, block in blocks.items():
        yield from _not_variables(f"{key}.env", (block or {}).get("env"))


def _not_objects(key: str, value: Any) -> Iterator[str]:
    if not isinstance(value, list | None):
        yield f"{key} is not a list"
    for index, item in enumerate(value or ()):
        if not isinstance(item, Mapping):
            yield f"{key}[{index}] is not a mapping"


def _not_variables(key: str, value: Any) -> Iterator[str]:
    yield from _not_objects(key, value)
    for index, item in enumerate(value or ()):
        if not isinstance(item.get("name"), str):
            yield f"{key}[{index}].name is not text"


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
