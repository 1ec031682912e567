"""Repairing the release before it is changed: the engine's hook, and the note that triggers a change."""

from __future__ import annotations

from pathlib import Path

import pulumi

from clients import processes
from clients.errors import RemoteError
from clients.helm import history as helm_release
from clients.helm import lease
from clients.helm.history import release_record
from clients.helm.repair import UNFINISHED, repair
from preflight.connection import open_cluster
from settings.stack import Settings

_NOTE = "Repairs revision"
PLUGIN = "pulumi-resource-kubernetes"
"""Program in which Helm runs."""


def repair_note(settings: Settings, root: Path) -> str | None:
    """A description that makes Pulumi update a release whose last change did not finish; None for a sound release.

    A run that is killed during an upgrade leaves Pulumi's state unchanged. If the configuration is then reverted, Pulumi
    sees nothing to do while the cluster has half of the upgrade. So if the newest revision is pending or failed, this
    changes the release's description, which is one of its inputs. The description stays with the repaired revision,
    where later runs find it and trigger nothing.
    """
    agent = settings.agent
    try:
        cluster = open_cluster(settings, root=root, timeout=10)
        state = helm_release.release_state(cluster, namespace=agent.helm_namespace, name=agent.release)
        if not state.revisions:
            return None
        newest = state.revisions[0]
        if newest.status in UNFINISHED:
            return f"{_NOTE} {newest.revision}, whose change did not finish"
        kept = release_record(cluster, namespace=agent.helm_namespace, revision=newest).description
    except RemoteError:
        return None  # preflight reports a cluster that does not answer
    return kept if kept.startswith(_NOTE) else None


def repair_hooks(settings: Settings, root: Path) -> pulumi.ResourceHookBinding:
    """Hooks that wait for a Helm that may be alive, repair what a dead one left, and record who is changing the release.

    A killed `pulumi up` leaves the newest revision in a pending state, and every later Helm operation fails with
    "another operation is in progress". Pulumi's stack lock prevents two runs of this program at once, but a plugin, and
    Helm in it, keeps running after its engine was killed.
    """
    agent = settings.agent
    namespace, release = agent.helm_namespace, agent.release

    def report(sentence: str) -> None:
        pulumi.log.warn(f"Helm release {release}: {sentence}")

    def before(args: pulumi.ResourceHookArgs, *, first: bool) -> None:
        cluster = open_cluster(settings, root=root, timeout=30)
        wanted = args.new_inputs or {}
        state = lease.wait_for_helm(
            cluster, namespace=namespace, release=release, seconds=agent.longest_change, report=report
        )
        # A successful change removes its Lease, so a remaining one was interrupted. Without a Lease, a deployed release is one
        # that this stack replaces, and its records must stay.
        interrupted = lease.holder_of(cluster, namespace=namespace, release=release) is not None
        deployed = any(revision.status == "deployed" for revision in state.revisions)
        for sentence in repair(
            cluster,
            namespace=namespace,
            name=release,
            values=wanted.get("values") or {},
            chart_version=str(wanted.get("version") or ""),
            first=first and (interrupted or not deployed),
        ):
            report(sentence)
        holder = lease.Holder(processes.machine(), processes.siblings(PLUGIN), agent.longest_change)
        lease.take(cluster, namespace=namespace, release=release, holder=holder)

    def after(_args: pulumi.ResourceHookArgs) -> None:
        lease.give_back(open_cluster(settings, root=root, timeout=30), namespace=namespace, release=release)

    def before_install(args: pulumi.ResourceHookArgs) -> None:
        before(args, first=True)

    def before_upgrade(args: pulumi.ResourceHookArgs) -> None:
        before(args, first=False)

    given_back = pulumi.ResourceHook("give-lease-back", after)
    return pulumi.ResourceHookBinding(
        before_create=[pulumi.ResourceHook("repair-before-install", before_install)],
        before_update=[pulumi.ResourceHook("repair-before-upgrade", before_upgrade)],
        after_create=[given_back],
        after_update=[given_back],
    )
