"""What Pulumi's state has and the cluster does not: found before a run succeeds without agents.

An interrupted `pulumi destroy`, or somebody with kubectl or Helm, removes objects and leaves them in the state. Without a refresh
Pulumi sees nothing to do then.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pulumi

from clients.errors import RemoteError
from clients.helm.history import release_state
from clients.kubernetes import Cluster, RefusedError
from preflight.connection import open_cluster
from settings.stack import Settings

GONE = frozenset({None, "uninstalling", "uninstalled"})
"""States of a release that Helm cannot upgrade: it says "has no deployed releases"."""


def lost(key: str, name: str) -> str:
    """Sentence for what the state has and the cluster does not; ``key`` of the stack file gives its name."""
    return (
        f"{pulumi.get_project()}:{key} is {name}, which the stack's state has and the cluster does not, because it was removed by "
        "hand or by an interrupted `pulumi destroy`; create it again with `pulumi up --refresh`."
    )


def namespace_check(settings: Settings, root: Path) -> Callable[[str], None]:
    """Called once the engine has the namespace: an update fails, and a preview warns, if it is only in the state."""
    name = settings.agent.namespace

    def exists(cluster: Cluster) -> bool:
        try:
            cluster.get(f"/api/v1/namespaces/{name}")
        except RefusedError as error:
            if error.status != 404:
                raise
            return False
        return True

    return _check(settings, root, exists, lost("agent.namespace", name))


def release_check(settings: Settings, root: Path) -> Callable[[str], None]:
    """The same for the release."""
    agent = settings.agent

    def exists(cluster: Cluster) -> bool:
        return release_state(cluster, namespace=agent.helm_namespace, name=agent.release).status not in GONE

    return _check(settings, root, exists, lost("agent.release", agent.release))


def _check(
    settings: Settings, root: Path, exists: Callable[[Cluster], bool], sentence: str
) -> Callable[[str], None]:
    preview = pulumi.runtime.is_dry_run()

    def check(_id: str) -> None:
        # Preflight reports a cluster that does not answer.
        with suppress(RemoteError):
            if exists(open_cluster(settings, root=root, timeout=10)):
                return
            if not preview:
                raise pulumi.RunError(sentence)
            pulumi.log.warn(sentence)

    return check
