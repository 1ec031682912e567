"""What Pulumi's state has and the cluster does not: found before a run succeeds without agents.

An interrupted `pulumi destroy`, or somebody with kubectl or Helm, removes objects and leaves them in the state. Without a refresh
Pulumi sees nothing to do then.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pulumi

from clients.errors import RemoteError
from clients.helm.history import ReleaseState, release_record, release_state
from clients.kubernetes import Cluster, RefusedError
from preflight.connection import open_cluster
from settings.stack import Settings

GONE = frozenset({None, "uninstalling", "uninstalled"})
"""States of a release that Helm cannot upgrade: it says "has no deployed releases"."""


@dataclass(frozen=True)
class Found:
    """What the cluster has when a run begins; as if all were there if it does not answer, which preflight reports."""

    namespace: bool = True
    """Whether the agents' namespace exists."""
    release: ReleaseState | None = None
    """Helm's state of the release; None if it cannot be read."""
    description: str = ""
    """Description of its newest revision."""


def look(settings: Settings, root: Path) -> Found:
    """Read it, with one connection: some kubeconfigs run a program for each."""
    agent = settings.agent
    try:
        cluster = open_cluster(settings, root=root, timeout=10)
        state = release_state(cluster, namespace=agent.helm_namespace, name=agent.release)
        description = ""
        if state.revisions:
            newest = state.revisions[0]
            description = release_record(cluster, namespace=agent.helm_namespace, revision=newest).description
        return Found(_has_namespace(cluster, agent.namespace), state, description)
    except RemoteError:
        return Found()


def lost(key: str, name: str) -> str:
    """Sentence for what the state has and the cluster does not; ``key`` of the stack file gives its name."""
    return (
        f"{pulumi.get_project()}:{key} is {name}, which the stack's state has and the cluster does not, because it was removed by "
        "hand or by an interrupted `pulumi destroy`; create it again with `pulumi up --refresh`."
    )


def namespace_check(settings: Settings, root: Path, found: Found) -> Callable[[str], None]:
    """Called once the engine has the namespace: an update fails, and a preview warns, if it is only in the state."""
    name = settings.agent.namespace

    def exists(cluster: Cluster) -> bool:
        return _has_namespace(cluster, name)

    return _check(settings, root, found.namespace, exists, lost("agent.namespace", name))


def release_check(settings: Settings, root: Path, found: Found) -> Callable[[str], None]:
    """The same for the release."""
    agent = settings.agent

    def exists(cluster: Cluster) -> bool:
        return release_state(cluster, namespace=agent.helm_namespace, name=agent.release).status not in GONE

    there = found.release is None or found.release.status not in GONE
    return _check(settings, root, there, exists, lost("agent.release", agent.release))


def _has_namespace(cluster: Cluster, name: str) -> bool:
    try:
        cluster.get(f"/api/v1/namespaces/{name}")
    except RefusedError as error:
        if error.status == 403:
            return True  # as far as this account can tell
        if error.status != 404:
            raise
        return False
    return True


def _check(
    settings: Settings, root: Path, there: bool, exists: Callable[[Cluster], bool], sentence: str
) -> Callable[[str], None]:
    preview = pulumi.runtime.is_dry_run()

    def check(_id: str) -> None:
        if there:
            return
        if preview:  # which knows the id of what is in the state alone
            pulumi.log.warn(sentence)
            return
        with suppress(RemoteError):
            if exists(open_cluster(settings, root=root, timeout=10)):
                return  # created by this run
            # Said at once: while the exception ends the program, the engine may interrupt it over a build whose hooks are gone.
            pulumi.log.error(sentence)
            raise pulumi.RunError("stopped because of the error above")

    return check
