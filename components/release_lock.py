"""The hook that frees a Helm release whose last run was killed."""

from __future__ import annotations

import pulumi

from preflight import helm_release
from settings.stack import Settings


def unlock_hook(settings: Settings) -> pulumi.ResourceHook:
    """A hook for before the release is made or changed.

    A killed `pulumi up` leaves the newest revision in a pending state, and every later Helm operation refuses with
    "another operation is in progress". Pulumi's stack lock keeps two runs of this program apart, so a pending revision at
    this point belongs to a run that is gone.
    """
    agent = settings.agent
    kubeconfig = settings.kubeconfig.get_secret_value() if settings.kubeconfig else agent.cluster.kubeconfig

    def unlock(_: pulumi.ResourceHookArgs) -> None:
        freed = helm_release.unlock(
            namespace=agent.namespace,
            name=agent.release,
            kubeconfig=kubeconfig,
            context=agent.cluster.context,
        )
        if freed is not None:
            pulumi.log.warn(
                f"Helm release {agent.release}: removed the record of revision {freed.revision} ({freed.status}), "
                "which an interrupted run had left behind; the release goes on from the revision before it"
            )

    return pulumi.ResourceHook("unlock-helm-release", unlock)
