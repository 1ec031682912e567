"""What Pulumi's state has and the cluster does not: found before a run succeeds without agents.

An interrupted `pulumi destroy`, or somebody with kubectl or Helm, removes objects and leaves them in the state. Without a refresh
Pulumi sees nothing to do then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pulumi

from clients.errors import RemoteError
from clients.helm.history import ReleaseState, release_record, release_state
from clients.kubernetes import namespace_of
from preflight.connection import open_cluster
from settings.stack import Settings

GONE = frozenset({None, "uninstalling", "uninstalled"})
"""States of a release that Helm cannot upgrade: it says "has no deployed releases"."""


@dataclass(frozen=True)
class Found:
    """What the cluster has when a run begins; as if all were there if it does not answer, which preflight reports."""

    has_namespace: bool = True
    """Whether the agents' namespace exists."""
    release: ReleaseState | None = None
    """Helm's state of the release; None if it cannot be read."""
    description: str = ""
    """Description of its newest revision."""

    @property
    def has_release(self) -> bool:
        """Whether Helm can upgrade the release."""
        return self.release is None or self.release.status not in GONE


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
        return Found(namespace_of(cluster, agent.namespace) is not None, state, description)
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
    sentence = lost("agent.namespace", settings.agent.namespace)
    return partial(_check, settings, root, found, lambda now: now.has_namespace, sentence)


def release_check(settings: Settings, root: Path, found: Found) -> Callable[[str], None]:
    """The same for the release."""
    sentence = lost("agent.release", settings.agent.release)
    return partial(_check, settings, root, found, lambda now: now.has_release, sentence)


def _check(
    settings: Settings, root: Path, found: Found, has: Callable[[Found], bool], sentence: str, _id: str
) -> None:
    if has(found):
        return
    if pulumi.runtime.is_dry_run():  # which knows the id of what is in the state alone
        pulumi.log.warn(sentence)
    elif not has(look(settings, root)):  # not created by this run either
        # Said at once: while the exception ends the program, the engine may interrupt it over a build whose hooks are gone.
        pulumi.log.error(sentence)
        raise pulumi.RunError("stopped because of the error above")
