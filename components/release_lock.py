"""Going on after a run that was killed while Helm was at work."""

from __future__ import annotations

from typing import Any

import pulumi

from preflight import helm_release
from preflight.kube import ClusterError, RefusedError
from settings.stack import Settings


def repair_note(settings: Settings) -> str | None:
    """Description that makes Pulumi repair a release whose last change did not end; None when nothing is to repair."""
    try:
        return helm_release.repair_note(**_target(settings))
    except (ClusterError, RefusedError):
        return None  # a cluster that does not answer is preflight's to report


def _target(settings: Settings) -> dict[str, Any]:
    agent = settings.agent
    return {
        "namespace": agent.namespace,
        "name": agent.release,
        "kubeconfig": settings.kubeconfig.get_secret_value()
        if settings.kubeconfig
        else agent.cluster.kubeconfig,
        "context": agent.cluster.context,
    }


def unlock_hook(settings: Settings) -> pulumi.ResourceHook:
    """A hook for before the release is made or changed.

    A killed `pulumi up` leaves the newest revision in a pending state, and every later Helm operation refuses with
    "another operation is in progress". Pulumi's stack lock keeps two runs of this program apart, so a pending revision at
    this point belongs to a run that is gone.
    """

    def unlock(_: pulumi.ResourceHookArgs) -> None:
        freed = helm_release.unlock(**_target(settings))
        if freed is not None:
            pulumi.log.warn(
                f"Helm release {settings.agent.release}: removed the record of revision {freed.revision} ({freed.status}), "
                "which an interrupted run had left behind; the release goes on from the revision before it"
            )

    return pulumi.ResourceHook("unlock-helm-release", unlock)
