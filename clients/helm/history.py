"""The state of a Helm release, read from the Secrets in which Helm stores its history.

Helm 3 stores one Secret per revision, `sh.helm.release.v1.<name>.v<revision>`, labelled owner=helm, name, status and version
(helm.sh/docs/topics/advanced, "Storage backends").
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from clients.kubernetes import METADATA_ONLY, Cluster
from domain.plain_yaml import PlainYamlError, load_all

PENDING = frozenset({"pending-install", "pending-upgrade", "pending-rollback"})
"""States in which Helm refuses every other operation: "another operation (install/upgrade/rollback) is in progress"."""

WORKING = PENDING | {"uninstalling"}
"""States in which a Helm is at work, or was killed. An atomic install that fails is uninstalled by the same Helm."""


@dataclass(frozen=True)
class Revision:
    """One revision of a release."""

    revision: int
    """Number."""
    status: str
    """deployed, superseded, failed, uninstalling, uninstalled, or one of PENDING."""
    secret: str
    """Name of the Secret with its record."""
    uid: str
    """Kubernetes UID of that Secret."""
    resource_version: str
    """Its resource version, named in a deletion so that a record that Helm has changed since is kept."""
    created: str = ""
    """When Helm created the record, in Kubernetes' format (RFC 3339)."""
    written: str = ""
    """When it was last written, in the same format. Helm's label `modifiedAt` is no such time: Helm 3 copies it from revision to
    revision."""


@dataclass(frozen=True)
class ReleaseState:
    """Helm's state of a release."""

    revisions: tuple[Revision, ...] = ()
    """All recorded revisions, the newest first."""

    @property
    def exists(self) -> bool:
        """Whether the release exists (a release that was uninstalled with its history kept does not)."""
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
    """State of a release; reads only labels, never values. Raises ClusterError or RefusedError."""
    query = {"labelSelector": f"owner=helm,name={name}"}
    found = cluster.get(f"/api/v1/namespaces/{namespace}/secrets", query=query, accept=METADATA_ONLY)
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
        created=metadata.get("creationTimestamp") or "",
        written=max(
            (str(entry.get("time") or "") for entry in metadata.get("managedFields") or []), default=""
        ),
    )


@dataclass(frozen=True)
class Record:
    """Helm's record of one revision; empty if it cannot be read."""

    values: dict[str, Any] = field(default_factory=dict)
    """Values that the user passed."""
    description: str = ""
    """Description in the history."""
    chart_version: str = ""
    """Version of the chart."""
    text: str = ""
    """The rendered objects, without the chart's hooks, as YAML."""

    @cached_property
    def manifest(self) -> tuple[dict[str, Any], ...]:
        """The rendered objects; none if they are not YAML. Only some readers of a record want to wait for this."""
        try:
            return tuple(found for found in load_all(self.text) if isinstance(found, dict))
        except PlainYamlError:
            return ()


def release_record(cluster: Cluster, *, namespace: str, revision: Revision) -> Record:
    """Read a revision's record. Raises ClusterError or RefusedError."""
    secret = cluster.get(f"/api/v1/namespaces/{namespace}/secrets/{revision.secret}")
    try:
        content = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
        return Record(
            values=content.get("config") or {},
            description=str(content["info"].get("description", "")),
            chart_version=str(content["chart"]["metadata"]["version"]),
            text=str(content.get("manifest") or ""),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OSError, binascii.Error):
        return Record()
