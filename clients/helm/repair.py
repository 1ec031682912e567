"""Repairing a release that a killed Helm left pending, so that the next Helm can change it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from clients.helm import history as helm_release
from clients.helm.history import PENDING, Record, ReleaseState, Revision, release_record
from clients.helm.leftovers import without_additions
from clients.kubernetes import Cluster, RefusedError

UNFINISHED = PENDING | {"failed"}
"""States of a revision that may have changed only some objects."""

_LASTING = frozenset({"PersistentVolumeClaim", "Namespace", "CustomResourceDefinition"})
"""Kinds whose deletion loses data."""

_ATTEMPTS = 5
"""Maximum attempts to write a live object: controllers write to it as well, and a write to an old version is refused."""


def repair(
    cluster: Cluster,
    *,
    namespace: str,
    name: str,
    values: Mapping[str, Any],
    chart_version: str,
    first: bool = False,
) -> list[str]:
    """Bring a release whose last change did not finish into a state from which Helm can continue; returns what was done.

    Helm decides from the newest record alone whether an operation is in progress (helm/helm#32584,
    pulumi/pulumi-kubernetes#2054). A killed process can never finish its record, so that record is deleted. It is only
    history: Helm continues from the last deployed revision and applies the chart again, which completes whatever was half
    done. After a killed first install it installs, and adopts the objects with the release's labels. A rollback, the usual
    advice, would first roll all Pods back, and needs an earlier revision, which a first install lacks.

    If the configuration has changed since (``values`` and ``chart_version`` are the new ones), what only the unfinished
    change had added is removed first, because Helm would keep it (clients/helm/leftovers.py).

    ``first``: the release is not in Pulumi's state and is about to be installed. A first install that failed, or that Helm
    finished after its engine was killed, leaves records, and Helm refuses to install over them ("cannot re-use a name that
    is still in use"). So all records are deleted, and the install adopts the objects.

    Call it only if no other Helm can be changing the release (clients/helm/lease.py). The deletion names the record's
    version, so a record that Helm still writes to is left alone (RefusedError 409). Raises ClusterError or RefusedError.
    """
    state = helm_release.release_state(cluster, namespace=namespace, name=name)
    done = []
    taken = _take_back(cluster, namespace, name, state, values, chart_version, first=first)
    if taken:
        done.append(f"removed what only an interrupted run had added: {', '.join(taken)}")
    for revision in takewhile(lambda found: found.status in PENDING, state.revisions):
        _forget(cluster, namespace, revision)
        done.append(
            f"removed the record of revision {revision.revision} ({revision.status}), which an interrupted run left "
            "behind; the release continues from the previous revision"
        )
    if first:
        for revision in state.revisions:
            if revision.status not in PENDING:
                _forget(cluster, namespace, revision)
                done.append(
                    f"removed the record of revision {revision.revision} ({revision.status}), which an interrupted run left "
                    "behind outside Pulumi's state; the install adopts its objects"
                )
    return done


def _forget(cluster: Cluster, namespace: str, revision: Revision) -> None:
    preconditions = {"uid": revision.uid, "resourceVersion": revision.resource_version}
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
    cluster.delete(f"/api/v1/namespaces/{namespace}/secrets/{revision.secret}", options)


def _take_back(
    cluster: Cluster,
    namespace: str,
    name: str,
    state: ReleaseState,
    values: Mapping[str, Any],
    chart_version: str,
    *,
    first: bool,
) -> list[str]:
    unfinished = list(takewhile(lambda found: found.status in UNFINISHED, state.revisions))
    deployed = next((found for found in state.revisions if found.status == "deployed"), None)
    if not unfinished or (deployed is None and not state.stuck and not first):
        return []  # without a deployed revision an upgrade continues from a failed one
    sound = release_record(cluster, namespace=namespace, revision=deployed) if deployed else Record()
    before = {_identity(found): found for found in sound.manifest}
    taken: dict[str, None] = {}
    for revision in unfinished:
        record = release_record(cluster, namespace=namespace, revision=revision)
        if (record.values, record.chart_version) == (values, chart_version):
            continue
        for document in record.manifest:
            if _reset(cluster, namespace, name, document, before.get(_identity(document))):
                taken["/".join(_identity(document))] = None
    return list(taken)


def _identity(document: Mapping[str, Any]) -> tuple[str, str]:
    return str(document.get("kind")), str(document.get("metadata", {}).get("name"))


def _reset(
    cluster: Cluster,
    namespace: str,
    release: str,
    document: Mapping[str, Any],
    sound: Mapping[str, Any] | None,
) -> bool:
    """Reset one live object; True if it was changed."""
    for _ in range(_ATTEMPTS):
        try:
            path = cluster.path_of(document, namespace)
            live = cluster.get(path)
            notes = live["metadata"].get("annotations") or {}
            if notes.get("meta.helm.sh/release-name") != release:
                return False
            if sound is None:
                if document.get("kind") in _LASTING or notes.get("helm.sh/resource-policy") == "keep":
                    return False
                options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
                cluster.delete(path, options)
                return True
            wanted = without_additions(live, document, sound)
            if wanted == live:
                return False
            cluster.put(path, wanted)
        except RefusedError as error:
            if error.status == 409:
                continue
            if error.status == 404:
                return False
            raise
        return True
    return False
