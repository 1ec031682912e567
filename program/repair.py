"""Repairing the release before it is changed: the engine's hooks, and the note that triggers a change."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pulumi

from clients import processes
from clients.errors import RemoteError
from clients.helm import lease
from clients.helm.repair import UNFINISHED, repair
from clients.kubernetes import Cluster
from preflight.connection import open_cluster
from program.presence import GONE, Found, lost
from settings.stack import Settings

_NOTE = "Repairs revision"
PLUGIN = "pulumi-resource-kubernetes"
"""Program in which Helm runs."""


def repair_note(found: Found) -> str | None:
    """A description that makes Pulumi update a release that is not whole; None for a sound one.

    A run that is killed during an upgrade leaves Pulumi's state unchanged. If the configuration is then reverted, Pulumi
    sees nothing to do while the cluster has half of the upgrade; nor does it see a Deployment that somebody removed. So if
    the newest revision is pending or failed, or has lost a Deployment, this changes the release's description, which is one
    of its inputs. The description stays with the repaired revision, where later runs find it and trigger nothing.
    """
    if found.release is None or not found.release.revisions:
        return None  # preflight reports a cluster that does not answer
    newest = found.release.revisions[0]
    if newest.status in UNFINISHED:
        return f"{_NOTE} {newest.revision}, whose change did not finish"
    if found.lost_deployments:
        return f"{_NOTE} {newest.revision}, which lacks Deployment {' and '.join(found.lost_deployments)}"
    return found.description if found.description.startswith(_NOTE) else None


class Repair:
    """Waiting for a Helm that may be alive, repairing what a dead one left, and recording who is changing the release.

    A killed `pulumi up` leaves the newest revision in a pending state, and every later Helm operation fails with
    "another operation is in progress". Pulumi's stack lock prevents two runs of this program at once, but a plugin, and
    Helm in it, keeps running after its engine was killed.
    """

    def __init__(self, settings: Settings, root: Path) -> None:
        self._settings, self._root = settings, root
        self._namespace, self._release = settings.agent.helm_namespace, settings.agent.release
        self._changing = False

    def hooks(self) -> pulumi.ResourceHookBinding:
        """Hooks for the release."""
        given_back = pulumi.ResourceHook("give-lease-back", self._after)
        return pulumi.ResourceHookBinding(
            before_create=[pulumi.ResourceHook("repair-before-install", self._before_install)],
            before_update=[pulumi.ResourceHook("repair-before-upgrade", self._before_upgrade)],
            after_create=[given_back],
            after_update=[given_back],
        )

    def finish(self) -> None:
        """Remove the Lease that an interrupted run left, if this one has nothing to change, so that no hook does it.

        An engine that is asked to end may record what Helm has finished and run no more hooks. Only for updates, once the engine
        has the release; a Lease whose processes still run stays.
        """
        if self._changing:
            return
        # Preflight reports a cluster that does not answer.
        with suppress(RemoteError):
            cluster = self._open(timeout=10)
            holder = lease.holder_of(cluster, namespace=self._namespace, release=self._release)
            if holder is not None and holder.ended() is not False:
                lease.give_back(cluster, namespace=self._namespace, release=self._release)

    def _before_install(self, args: pulumi.ResourceHookArgs) -> None:
        self._before(args, first=True)

    def _before_upgrade(self, args: pulumi.ResourceHookArgs) -> None:
        self._before(args, first=False)

    def _before(self, args: pulumi.ResourceHookArgs, *, first: bool) -> None:
        self._changing = True
        agent, cluster = self._settings.agent, self._open(timeout=30)
        wanted = args.new_inputs or {}
        state = lease.wait_for_helm(
            cluster,
            namespace=self._namespace,
            release=self._release,
            seconds=agent.longest_change,
            report=self._report,
        )
        if not first and state.status in GONE:
            raise pulumi.RunError(lost("agent.release", self._release))
        # A successful change removes its Lease, so a remaining one was interrupted. Without a Lease, a deployed release is one
        # that this stack replaces, and its records must stay.
        interrupted = lease.holder_of(cluster, namespace=self._namespace, release=self._release) is not None
        deployed = any(revision.status == "deployed" for revision in state.revisions)
        for sentence in repair(
            cluster,
            namespace=self._namespace,
            name=self._release,
            values=wanted.get("values") or {},
            chart_version=str(wanted.get("version") or ""),
            first=first and (interrupted or not deployed),
        ):
            self._report(sentence)
        holder = lease.Holder(processes.machine(), processes.siblings(PLUGIN), agent.longest_change)
        lease.take(cluster, namespace=self._namespace, release=self._release, holder=holder)

    def _after(self, _args: pulumi.ResourceHookArgs) -> None:
        lease.give_back(self._open(timeout=30), namespace=self._namespace, release=self._release)

    def _report(self, sentence: str) -> None:
        pulumi.log.warn(f"Helm release {self._release}: {sentence}")

    def _open(self, *, timeout: float) -> Cluster:
        return open_cluster(self._settings, root=self._root, timeout=timeout)
