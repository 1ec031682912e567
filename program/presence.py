"""What Pulumi's state has and the cluster does not: found before a run succeeds without agents.

An interrupted `pulumi destroy`, or somebody with kubectl or Helm, removes objects and leaves them in the state. Without a refresh
Pulumi sees nothing to do then. A Deployment that the release has lost is no case for a refresh, which would not miss it: Helm
creates it again with its next change (`program.repair`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pulumi

from clients.errors import RemoteError
from clients.helm.history import Record, ReleaseState, release_record, release_state
from clients.kubernetes import Cluster, RefusedError, names_of, namespace_of
from components.cluster_objects import ConfigMap, Secret
from preflight.connection import open_cluster
from settings.stack import Settings

GONE = frozenset({None, "uninstalling", "uninstalled"})
"""States of a release that Helm cannot upgrade: it says "has no deployed releases"."""
_COLLECTIONS = {
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps",
    "Deployment": "/apis/apps/v1/namespaces/{namespace}/deployments",
    "Secret": "/api/v1/namespaces/{namespace}/secrets",
}


@dataclass(frozen=True)
class Found:
    """What the cluster has when a run begins; as if all were there if it does not answer, which preflight reports."""

    has_namespace: bool = True
    """Whether the agents' namespace exists."""
    release: ReleaseState | None = None
    """Helm's state of the release; None if it cannot be read."""
    description: str = ""
    """Description of its newest revision."""
    lost_deployments: tuple[str, ...] = ()
    """Deployments of a release whose last change succeeded that are not in the cluster; sorted."""
    objects: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Kind -> names in the agents' namespace; without the kinds that the account may not list."""

    @property
    def has_release(self) -> bool:
        """Whether Helm can upgrade the release."""
        return self.release is None or self.release.status not in GONE

    def lacks(self, kind: str, name: str) -> bool:
        """Whether there is a namespace without this object; False if that is not known."""
        return self.has_namespace and kind in self.objects and name not in self.objects[kind]


def look(settings: Settings, root: Path) -> Found:
    """Read it, with one connection: some kubeconfigs run a program for each."""
    agent = settings.agent
    try:
        cluster = open_cluster(settings, root=root, timeout=10)
        state = release_state(cluster, namespace=agent.helm_namespace, name=agent.release)
        record = Record()
        if state.revisions:
            record = release_record(cluster, namespace=agent.helm_namespace, revision=state.revisions[0])
        objects = dict(_listed(cluster, agent.namespace))
        rendered = {
            item["metadata"]["name"]
            for item in (record.manifest if state.status == "deployed" else ())
            if item.get("kind") == "Deployment"
            and (item["metadata"].get("namespace") or agent.helm_namespace) == agent.namespace
        }
        return Found(
            has_namespace=namespace_of(cluster, agent.namespace) is not None,
            release=state,
            description=record.description,
            lost_deployments=tuple(sorted(rendered - objects.get("Deployment", rendered))),
            objects=objects,
        )
    except RemoteError:
        return Found()


def _listed(cluster: Cluster, namespace: str) -> Iterator[tuple[str, frozenset[str]]]:
    for kind, collection in _COLLECTIONS.items():
        with suppress(RefusedError):  # an account that may create them need not be allowed to list them
            yield kind, names_of(cluster, collection.format(namespace=namespace))


def lost(key: str, name: str, *, without: Sequence[str] = ()) -> str:
    """Sentence for what the state has and the cluster does not.

    ``key`` of the stack file gives its name; or that of the namespace, if only these objects in it are gone.
    """
    was, them = ("they were", "them") if len(without) > 1 else ("it was", "it")
    objects = f", without its {' and '.join(without)}" if without else ""
    return (
        f"{pulumi.get_project()}:{key} is {name}{objects}, which the stack's state has and the cluster does not, because {was} "
        f"removed by hand or by an interrupted `pulumi destroy`; create {them} again with `pulumi up --refresh`."
    )


def namespace_check(settings: Settings, root: Path, found: Found) -> Callable[[str], None]:
    """Called once the engine has the namespace: an update fails, and a preview warns, if it is only in the state."""
    sentence = lost("agent.namespace", settings.agent.namespace)
    return lambda _id: _check(settings, root, found, lambda now: now.has_namespace, sentence)


def release_check(settings: Settings, root: Path, found: Found) -> Callable[[str], None]:
    """The same for the release."""
    sentence = lost("agent.release", settings.agent.release)
    return lambda _id: _check(settings, root, found, lambda now: now.has_release, sentence)


def checked_objects(
    settings: Settings, root: Path, found: Found, objects: Sequence[Secret | ConfigMap]
) -> pulumi.Output[Any]:
    """The same for objects in the namespace, done when the output is: a Pod that starts without one of them never gets ready."""

    def check(names: Sequence[tuple[str, str]]) -> None:
        def missing(now: Found) -> list[str]:
            return sorted(f"{kind} {name}" for kind, name in names if now.lacks(kind, name))

        sentence = lost("agent.namespace", settings.agent.namespace, without=missing(found))
        _check(settings, root, found, lambda now: not missing(now), sentence)

    named = [item.id.apply(partial(_named, type(item).__name__)) for item in objects]
    # In a preview each alone: those that are not there yet have no id.
    groups = [[one] for one in named] if pulumi.runtime.is_dry_run() else [named]
    return pulumi.Output.all(*(pulumi.Output.all(*group).apply(check) for group in groups))


def _named(kind: str, identity: str) -> tuple[str, str]:
    """Kind and name of an object, by its id: "<namespace>/<name>"."""
    return kind, identity.rpartition("/")[2]


def _check(settings: Settings, root: Path, found: Found, has: Callable[[Found], bool], sentence: str) -> None:
    if has(found):
        return
    if pulumi.runtime.is_dry_run():  # which knows the id of what is in the state alone
        pulumi.log.warn(sentence)
    elif not has(look(settings, root)):  # not created by this run either
        # Said at once: while the exception ends the program, the engine may interrupt it over a build whose hooks are gone.
        pulumi.log.error(sentence)
        raise pulumi.RunError("stopped because of the error above")
