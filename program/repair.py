"""Repairing the release before it is changed: the hook of the engine, and the note that asks for a change."""

from __future__ import annotations

from pathlib import Path

import pulumi

from clients.errors import RemoteError
from clients.helm import history as helm_release
from clients.helm.history import release_record
from clients.helm.repair import UNFINISHED, repair
from preflight.connection import open_cluster
from settings.stack import Settings

_NOTE = "Repairs revision"


def repair_note(settings: Settings, root: Path) -> str | None:
    """A description that makes Pulumi change a release whose last change did not end; None for one that is sound.

    A run that is killed in the middle of an upgrade leaves Pulumi's state as it was before. If the configuration then goes
    back to that, Pulumi sees nothing to do while the cluster holds half of the upgrade. So a newest revision that is
    pending or failed asks for a change of the release's description, which is one of its inputs. The description stays
    with the repaired revision, and later runs find it there and ask for nothing.
    """
    agent = settings.agent
    try:
        cluster = open_cluster(settings, root=root, timeout=10)
        state = helm_release.release_state(cluster, namespace=agent.namespace, name=agent.release)
        if not state.revisions:
            return None
        newest = state.revisions[0]
        if newest.status in UNFINISHED:
            return f"{_NOTE} {newest.revision}, whose change did not end"
        kept = release_record(cluster, namespace=agent.namespace, revision=newest).description
    except RemoteError:
        return None  # a cluster that does not answer is preflight's to report
    return kept if kept.startswith(_NOTE) else None


def repair_hook(settings: Settings, root: Path) -> pulumi.ResourceHook:
    """A hook for before the release is made or changed.

    A killed `pulumi up` leaves the newest revision in a pending state, and every later Helm operation refuses with
    "another operation is in progress". Pulumi's stack lock keeps two runs of this program apart, so a pending revision at
    this point belongs to a run that is gone.
    """
    agent = settings.agent

    def before_change(args: pulumi.ResourceHookArgs) -> None:
        wanted = args.new_inputs or {}
        for sentence in repair(
            open_cluster(settings, root=root, timeout=30),
            namespace=agent.namespace,
            name=agent.release,
            values=wanted.get("values") or {},
            chart_version=str(wanted.get("version") or ""),
        ):
            pulumi.log.warn(f"Helm release {agent.release}: {sentence}")

    return pulumi.ResourceHook("repair-helm-release", before_change)
