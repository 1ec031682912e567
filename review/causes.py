"""Readable reasons for a change: the setting behind a value of the chart, most important first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from delivery.bundle import LOCAL_BUNDLE, bundles_of
from delivery.recipe import BUNDLES_ROOT
from domain.connection_secret import CONNECTION_VARIABLE
from domain.git_variables import GIT_VARIABLES
from domain.names import CONFIG_MOUNT, DBT_VARIABLE, PROJECTS_VARIABLE, SECRETS_MARK, SUBDIR_VARIABLE
from review import phrases
from review.differences import Difference, differences
from review.git_environment import GIT_CONFIG, host_of, repository_of
from review.repositories import (
    Owner,
    bundle_name,
    code,
    path_of,
    project_name,
    with_connection,
    with_repository,
)


class Rank(IntEnum):
    """How much a reason matters to a reviewer; keys that the program has no words for come last."""

    IMAGE = 0
    DAGS = 1
    PROJECTS = 2
    BUNDLE = 3
    GIT = 4
    SECRET = 5
    OTHER = 6
    KEY = 7


class Reason(NamedTuple):
    """The reason of a change; sorts by importance, then by text."""

    rank: Rank
    """Its importance."""
    text: str
    """The reason as a phrase without a verb, or a key of the chart's values as code."""


IMAGE = Reason(Rank.IMAGE, "the image")
SENTINEL_IMAGE = Reason(Rank.IMAGE, "the sentinel's image")
PLACES = Reason(Rank.PROJECTS, "where the dbt projects are")
BUNDLES = Reason(Rank.BUNDLE, "the Dag bundles")
GIT = Reason(Rank.GIT, "Git's settings on the agents")
SECRET = Reason(Rank.SECRET, "a Secret that it reads")
GIT_FILES = Reason(Rank.SECRET, "the ConfigMap with Git's settings")
_BACKEND, _XCOM, _STATE = (
    Reason(Rank.OTHER, text) for text in ("the secrets backend", "the XCom store", "the state store")
)
_SECURITY, _LINEAGE, _IDS, _SCALING, _RESOURCES, _LOGS, _CLOUD = (
    Reason(Rank.OTHER, text)
    for text in (
        "pod security",
        "OpenLineage",
        "the Deployment's ids",
        "autoscaling",
        "resources",
        "task logs",
        "the cloud identity",
    )
)
_PLACEMENT = Reason(Rank.OTHER, "where Pods may run")
_SLOTS = Reason(Rank.OTHER, "how much a Pod runs at once")
_PROBES = Reason(Rank.OTHER, "probes")

_OF_COMPONENT: Mapping[str, Reason] = {
    "image": IMAGE,
    "hpa": _SCALING,
    "replicas": Reason(Rank.OTHER, "the number of Pods"),
    "resources": _RESOURCES,
    "serviceAccount": _CLOUD,
    "containerSecurityContext": _SECURITY,
    "podSecurityContext": _SECURITY,
    "affinity": _PLACEMENT,
    "nodeSelector": _PLACEMENT,
    "tolerations": _PLACEMENT,
    "topologySpreadConstraints": _PLACEMENT,
    "priorityClassName": Reason(Rank.OTHER, "the priority of Pods"),
    "queues": Reason(Rank.OTHER, "the queues that a worker serves"),
    "syncSlots": _SLOTS,
    "asyncSlots": _SLOTS,
    "terminationGracePeriodSeconds": Reason(Rank.OTHER, "the time for a Pod to stop"),
    "canUseKubernetesPodOperator": Reason(Rank.OTHER, "the permission to start Pods"),
    "livenessProbe": _PROBES,
    "readinessProbe": _PROBES,
}
"""Key of a component, or of all of them -> reason."""
_OF_RELEASE: Mapping[str, Reason] = {
    **_OF_COMPONENT,
    "dagBundleConfigList": BUNDLES,
    "secretBackend": _BACKEND,
    "xcomBackend": _XCOM,
    "stateStoreBackend": _STATE,
    "openLineage": _LINEAGE,
    "loggingSidecar": _LOGS,
    "agentTokenSecretName": Reason(Rank.SECRET, "the Secret with the agent token"),
    "imagePullSecretName": Reason(Rank.SECRET, "the Secret that images are pulled with"),
    "sentinelAuthSecretName": Reason(Rank.SECRET, "the Secret of the sentinel"),
    "astroDeploymentAPIURL": Reason(Rank.OTHER, "the address of the Deployment"),
}
"""Key at the top of the values -> reason."""
_COMPONENTS = frozenset({"worker", "dagProcessor", "triggerer", "sentinel"})
_VARIABLES: tuple[tuple[re.Pattern[str], Reason], ...] = tuple(
    (re.compile(pattern), cause)
    for pattern, cause in (
        (f"{PROJECTS_VARIABLE}$", PLACES),
        (f"{SUBDIR_VARIABLE}$", Reason(Rank.BUNDLE, "the folder of the Dags")),
        (f"{DBT_VARIABLE}$", Reason(Rank.OTHER, "the dbt of the image")),
        (rf"{GIT_VARIABLES}|(GIT_CONFIG|GIT_TERMINAL_PROMPT)$", GIT),
        ("AIRFLOW__SECRETS__", _BACKEND),
        ("AIRFLOW__COMMON_IO__XCOM_", _XCOM),
        ("AIRFLOW__COMMON_IO__STATE_STORE_", _STATE),
        ("AIRFLOW__LOGGING__REMOTE_|ASTRONOMER_ENVIRONMENT$", _LOGS),
        ("ASTRO_(ORGANIZATION|WORKSPACE|DEPLOYMENT)_", _IDS),
    )
)
"""Variable that the program sets -> reason."""
_CONNECTION = re.compile(rf"{CONNECTION_VARIABLE}(.+)")
_OF_BUNDLE: Mapping[str, str] = {
    "tracking_ref": "the ref of {}",
    "subdir": "the folder of {}",
    "refresh_interval": "the refresh interval of {}",
    "submodules": "the submodules of {}",
    "classpath": "the class of {}",
    "git_conn_id": "Git access of {}",
}
"""Argument of a bundle -> reason."""
_LOG_VOLUMES = frozenset({"task-logs", "vector-data", "/usr/local/airflow/logs"})
_WRITABLE_VOLUMES = frozenset({"tmp", "airflow-logs"})
"""Volumes that read-only root file systems need."""
_READABLE_BY_GROUP = 0o440


@dataclass(frozen=True)
class Causes:
    """What is behind the values of one change."""

    owners: tuple[Owner, ...] = ()
    """Whose the Git repositories are."""
    connections: Mapping[str, str] = field(default_factory=dict)
    """Airflow connection -> Dag bundle that is opened with it, in words."""
    moved: Mapping[str, Reason] = field(default_factory=dict)
    """Dag bundle or dbt project that comes, goes or moves, in words -> reason for all that changes with it."""
    mark: Reason = SECRET
    """Reason of another mark of the Secrets and files that a Pod reads."""

    @classmethod
    def of(
        cls,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        *,
        owners: tuple[Owner, ...] = (),
        mark: Reason = SECRET,
    ) -> Causes:
        """The causes of the change from ``before`` to ``after``, the values of the chart."""
        sides = [_bundles(values) for values in (before, after)]
        connections = {
            str(kwargs["git_conn_id"]).upper(): bundle_name(name)
            for side in sides
            for name, entry in side.items()
            if isinstance(kwargs := entry.get("kwargs"), Mapping) and "git_conn_id" in kwargs
        }
        moved = dict(_moves(*sides)) if before is not None and after is not None else {}
        if before is not None and after is not None:
            moved |= _projects(before, after)
        return cls(owners=owners, connections=connections, moved=moved, mark=mark)

    def reason(self, item: Difference) -> Reason:
        """The reason behind a value that differs."""
        path = item.path
        if path[0] == "workers" and len(path) > 1:
            if len(path) == 2:
                return _come_or_gone(Rank.OTHER, f"worker {code(path[1])}", item)
            path = ("worker", *path[2:])
        if path == ("sentinel",):
            return _come_or_gone(Rank.OTHER, "the sentinel", item)
        for index, part in enumerate(path[:-1]):
            if part in {"commonEnv", "env"}:
                return self._variable(item, path[index + 1 :])
        if path[0] == "dagBundleConfigList" and len(path) > 1:
            return self._bundle(item)
        if len(path) > 1 and path[-2] in {"volumes", "volumeMounts"}:
            found = self._volume(item)
            if found:
                return found
        key = Reason(Rank.KEY, code(".".join(item.path[: 3 if item.path[0] == "workers" else 2])))
        if path[0] in _COMPONENTS and len(path) > 1:
            return SENTINEL_IMAGE if path[:2] == ("sentinel", "image") else _OF_COMPONENT.get(path[1], key)
        if path[-1].startswith("azure.workload.identity/"):
            return _CLOUD
        return _OF_RELEASE.get(path[0], key)

    def grouped(self, items: Iterable[Difference]) -> list[tuple[str, tuple[Difference, ...]]]:
        """(reason, values) in the order of the reasons; values keep their order."""
        groups: dict[Reason, list[Difference]] = {}
        for item in items:
            groups.setdefault(self.reason(item), []).append(item)
        return [(reason.text, tuple(groups[reason])) for reason in sorted(groups)]

    def reasons(self, items: Iterable[Difference]) -> tuple[str, ...]:
        """Each reason once, the most important ones first."""
        return tuple(reason.text for reason in sorted({self.reason(item) for item in items}))

    def _variable(self, item: Difference, path: Sequence[str]) -> Reason:
        name = path[0]
        if name == SECRETS_MARK:
            return self.mark
        if name == PROJECTS_VARIABLE and len(path) == 2:
            return self.moved.get(project_name(path[1]), PLACES)
        if name == PROJECTS_VARIABLE and path[2:] in (("bundle",), ("subdir",)):
            return self._by_bundle(item, PLACES)  # said only where there are several bundles
        if name == GIT_CONFIG and len(path) == 2:
            return self._git_entry(item, path[1])
        connection = _CONNECTION.fullmatch(name)
        if connection and connection[1] in self.connections:
            bundle = self.connections[connection[1]]
            return self.moved.get(bundle) or Reason(Rank.GIT, f"Git access of {bundle}")
        own = Reason(Rank.KEY, code(".".join(item.path[: len(item.path) - len(path) + 1])))
        found = next((cause for pattern, cause in _VARIABLES if pattern.match(name)), own)
        return self._by_bundle(item, GIT) if found is GIT else found

    def _git_entry(self, item: Difference, key: str) -> Reason:
        values = item.before if item.after is None else item.after
        addresses = repository_of(key, values)
        if addresses:
            found = with_repository(self.owners, addresses)
            return self._access(found) or self._access_of(f"repository {code(path_of(addresses[0]))}")
        host = host_of(key)
        if host:
            return Reason(Rank.GIT, f"the certificate authority of {code(host)}")
        return self._by_bundle(item, GIT)

    def _by_bundle(self, item: Difference, otherwise: Reason) -> Reason:
        """The bundle that comes, goes or moves, for what comes with the first one of its kind and goes with the last."""
        moves = sorted(cause for cause in self.moved.values() if cause.rank in (Rank.DAGS, Rank.BUNDLE))
        return moves[0] if moves and None in (item.before, item.after) else otherwise

    def _access(self, found: Sequence[Owner]) -> Reason | None:
        """Reason of what opens the repositories of owners: what happens to them if it happens to all, or access to the others."""
        if not found:
            return None
        moves = [self.moved.get(owner.name) or self.moved.get(owner.part_of or "") for owner in found]
        others = [owner.name for owner, move in zip(found, moves, strict=True) if move is None]
        if not others:
            return min(move for move in moves if move is not None)
        return self._access_of(*others)

    def _access_of(self, *names: str) -> Reason:
        return Reason(Rank.GIT, f"Git access of {phrases.listed(list(dict.fromkeys(names)))}")

    def _volume(self, item: Difference) -> Reason | None:
        name, value = item.path[-1], item.before if item.after is None else item.after
        if name in _LOG_VOLUMES:
            return _LOGS
        if name in _WRITABLE_VOLUMES:
            return _SECURITY
        place = str(value.get("mountPath", "")) if isinstance(value, Mapping) else ""
        path = name if name.startswith(CONFIG_MOUNT) else place
        secret = value.get("secret") if isinstance(value, Mapping) else None
        ours = isinstance(secret, Mapping) and secret.get("defaultMode") == _READABLE_BY_GROUP
        if name == "git-config" or path == f"{CONFIG_MOUNT}/config":
            return self._by_bundle(item, GIT)
        if path.startswith(f"{CONFIG_MOUNT}/") or (ours and name.startswith("git-")):
            connection = path.removeprefix(f"{CONFIG_MOUNT}/") if path else name.removeprefix("git-")
            return self._connection(connection)
        return None

    def _connection(self, connection: str) -> Reason:
        bundle = self.connections.get(connection.replace("-", "_").upper())
        found = with_connection(self.owners, connection)
        if not found and bundle:
            return self.moved.get(bundle) or self._access_of(bundle)
        return self._access(found) or Reason(Rank.GIT, f"Git access by connection {code(connection)}")

    def _bundle(self, item: Difference) -> Reason:
        name = bundle_name(item.path[1])
        found = self.moved.get(name)
        if found:
            return found
        if len(item.path) == 2:
            return _come_or_gone(Rank.BUNDLE, name, item)
        argument = item.path[3] if item.path[2] == "kwargs" and len(item.path) > 3 else item.path[2]
        text = _OF_BUNDLE.get(argument, "the arguments of {}").format(name)
        return Reason(Rank.GIT if argument == "git_conn_id" else Rank.BUNDLE, text)


def _come_or_gone(rank: Rank, name: str, item: Difference) -> Reason:
    if item.before is None:
        return Reason(rank, f"adding {name}")
    return Reason(rank, f"removing {name}" if item.after is None else name)


def _bundles(values: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    return {str(entry.get("name")): entry for entry in bundles_of(_text(values, "dagBundleConfigList"))}


def _text(values: Mapping[str, Any] | None, key: str) -> str:
    found = (values or {}).get(key)
    return found if isinstance(found, str) else ""


def _moves(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, Reason]]:
    for name in sorted({*before, *after}):
        shown = bundle_name(name)
        if name not in before:
            yield shown, Reason(Rank.BUNDLE, f"adding {shown}")
        elif name not in after:
            yield shown, Reason(Rank.BUNDLE, f"removing {shown}")
        elif in_image(before[name]) != in_image(after[name]):
            way = "into" if in_image(after[name]) else "out of"
            yield shown, Reason(Rank.DAGS, f"moving the Dags of {code(name)} {way} the image")


def in_image(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of the bundle list has its Dags in the image that the program builds."""
    kwargs = entry.get("kwargs")
    path = str(kwargs.get("path")) if isinstance(kwargs, Mapping) else ""
    return entry.get("classpath") == LOCAL_BUNDLE and path.startswith(f"{BUNDLES_ROOT}/")


def _projects(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Reason]:
    """dbt projects that come or go, by the places that the agents are told."""
    old, new = (
        {
            "commonEnv": [
                item for item in values.get("commonEnv") or () if _is_variable(item, PROJECTS_VARIABLE)
            ]
        }
        for values in (before, after)
    )
    return {
        project_name(item.path[2]): _come_or_gone(Rank.PROJECTS, project_name(item.path[2]), item)
        for item in differences(old, new)
        if len(item.path) == 3 and None in (item.before, item.after)
    }


def _is_variable(item: Any, name: str) -> bool:
    return isinstance(item, Mapping) and item.get("name") == name
