"""The state of a Helm release, read from the Secrets in which Helm keeps its history, and the cure of a stuck one.

Helm 3 keeps one Secret per revision, `sh.helm.release.v1.<name>.v<revision>`, labelled owner=helm, name, status and version
(helm.sh/docs/topics/advanced, "Storage backends").
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preflight.kube import Cluster, connect

PENDING = frozenset({"pending-install", "pending-upgrade", "pending-rollback"})
"""States in which Helm refuses every other operation: "another operation (install/upgrade/rollback) is in progress"."""

_REPAIR = "Repairs revision"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True)
class Revision:
    """One revision of a release."""

    revision: int
    """Number."""
    status: str
    """deployed, superseded, failed, uninstalling, uninstalled, or one of PENDING."""
    secret: str
    """Name of the Secret that records it."""
    uid: str
    """Kubernetes UID of that Secret."""
    resource_version: str
    """Its version: a deletion names it, so that a record that Helm has changed since stays."""


@dataclass(frozen=True)
class ReleaseState:
    """What Helm knows of a release."""

    revisions: tuple[Revision, ...] = ()
    """All revisions that are kept, the newest first."""

    @property
    def exists(self) -> bool:
        """Whether Helm knows the release at all (a release that was uninstalled with its history kept counts as gone)."""
        return bool(self.revisions) and self.revisions[0].status != "uninstalled"

    @property
    def status(self) -> str | None:
        """Status of the newest revision."""
        return self.revisions[0].status if self.revisions else None

    @property
    def revision(self) -> int | None:
        """Number of the newest revision."""
        return self.revisions[0].revision if self.revisions else None

    @property
    def stuck(self) -> bool:
        """Whether Helm would refuse to change it."""
        return self.status in PENDING


def release_state(cluster: Cluster, *, namespace: str, name: str) -> ReleaseState:
    """State of a release; labels only are read, never values. Raises ClusterError or RefusedError."""
    query = {"labelSelector": f"owner=helm,name={name}"}
    found = cluster.get(f"/api/v1/namespaces/{namespace}/secrets", query=query, accept=_METADATA)
    revisions = [_revision(item["metadata"]) for item in found.get("items") or []]
    return ReleaseState(tuple(sorted(revisions, key=lambda item: item.revision, reverse=True)))


def _revision(metadata: dict[str, Any]) -> Revision:
    labels = metadata.get("labels", {})
    return Revision(
        revision=int(labels.get("version", "0")),
        status=labels.get("status", "unknown"),
        secret=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
    )


def release_values(cluster: Cluster, *, namespace: str, revision: Revision) -> dict[str, Any]:
    """Values that a revision was installed with; empty when the record cannot be read. Raises ClusterError or RefusedError."""
    values = _record(cluster, namespace, revision).get("config")
    return values if isinstance(values, dict) else {}


def release_description(cluster: Cluster, *, namespace: str, revision: Revision) -> str:
    """Description of a revision; empty when the record cannot be read. Raises ClusterError or RefusedError."""
    info = _record(cluster, namespace, revision).get("info")
    return str(info.get("description", "")) if isinstance(info, dict) else ""


def _record(cluster: Cluster, namespace: str, revision: Revision) -> dict[str, Any]:
    secret = cluster.get(f"/api/v1/namespaces/{namespace}/secrets/{revision.secret}")
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        record = json.loads(gzip.decompress(packed))
    except (KeyError, ValueError, OSError, binascii.Error):
        return {}
    return record if isinstance(record, dict) else {}


def repair_note(
    *,
    namespace: str,
    name: str,
    kubeconfig: str | None = None,
    context: str | None = None,
    root: Path | None = None,
    timeout: float = 10,
) -> str | None:
    """A description that makes Pulumi change a release whose last change did not end; None for one that is sound.

    A run that is killed in the middle of an upgrade leaves Pulumi's state as it was before. If the configuration then goes
    back to that, Pulumi sees nothing to do while the cluster holds half of the upgrade. So a newest revision that is
    pending or failed asks for a change of the release's description, which is one of its inputs. The description stays
    with the repaired revision, and later runs find it there and ask for nothing.

    ``timeout`` is in seconds per request. Raises ClusterError or RefusedError.
    """
    cluster = connect(kubeconfig, context, root=root, timeout=timeout)
    state = release_state(cluster, namespace=namespace, name=name)
    if not state.revisions:
        return None
    newest = state.revisions[0]
    if newest.status in PENDING or newest.status == "failed":
        return f"{_REPAIR} {newest.revision}, whose change did not end"
    kept = release_description(cluster, namespace=namespace, revision=newest)
    return kept if kept.startswith(_REPAIR) else None


def unlock(
    *,
    namespace: str,
    name: str,
    kubeconfig: str | None = None,
    context: str | None = None,
    root: Path | None = None,
    timeout: float = 30,
) -> Revision | None:
    """Remove the record of a revision that a killed run left pending; returns it, or None when nothing was stuck.

    This is the whole cure. Helm decides by the newest record alone whether an operation is in progress (helm/helm#32584,
    pulumi/pulumi-kubernetes#2054), and a process that was killed cannot finish its own. The record is history only: no
    object of the cluster belongs to it. Without it Helm goes on from the last deployed revision and applies the chart
    again, which repairs whatever the killed run had half done; after a killed first install it installs, and adopts the
    objects that are there already, because they carry the release's own labels. A rollback, the usual advice, would roll
    all Pods back first and needs an earlier revision, which a first install has not.

    Call it only where no other Helm can be at work on the release: within a Pulumi update the stack's lock sees to that. The
    deletion names the record's version, so one that Helm still writes to is left alone (RefusedError 409).

    ``kubeconfig`` is a path or the content of one; ``timeout`` is in seconds per request. Raises ClusterError or
    RefusedError.
    """
    cluster = connect(kubeconfig, context, root=root, timeout=timeout)
    freed = None
    for revision in release_state(cluster, namespace=namespace, name=name).revisions:
        if revision.status not in PENDING:
            break
        preconditions = {"uid": revision.uid, "resourceVersion": revision.resource_version}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        cluster.delete(f"/api/v1/namespaces/{namespace}/secrets/{revision.secret}", options)
        freed = freed or revision
    return freed
