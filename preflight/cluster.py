"""Looks at the cluster: whether it answers, what is there, and whose it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clients.errors import Cause
from clients.helm import history as helm_release
from clients.kubernetes import Cluster, ClusterError, RefusedError, secret_data
from delivery.objects import KEDA_API, SCALED_OBJECT, objects
from domain.names import SECRETS_MARK, STACK_LABEL
from preflight.adopt import command
from preflight.catalogue.cluster_checks import CLUSTER_API
from preflight.connection import SecretReader, open_cluster
from preflight.references import SecretUse, object_uses, secret_uses
from preflight.world import World
from settings.agent import Agent

_METRICS_API = "custom.metrics.k8s.io"
"""Where prometheus-adapter serves the metric of the chart's autoscaler."""

OLDEST = (1, 30)
"""First Kubernetes that the agents are supported on (docs page remote-execution-get-started)."""

_REACH = {
    Cause.KUBECONFIG: "kubeconfig",
    Cause.CONTEXT: "kubeconfig",
    Cause.TIMEOUT: "timeout",
    Cause.UNAUTHORISED: "refused",
}
"""Cause -> case of cluster.reach; every other one means that the cluster cannot be reached."""
_KUBECONFIG_REMEDY = {
    Cause.CONTEXT: "write a context that `kubectl config get-contexts` lists",
    Cause.KUBECONFIG: "set KUBECONFIG, or write agent.cluster.kubeconfig and context",
}
_MAKES: tuple[tuple[str, str], ...] = (
    ("", "secrets"),
    ("", "configmaps"),
    ("", "serviceaccounts"),
    ("apps", "deployments"),
)


@dataclass(frozen=True)
class FoundSecret:
    """What a look at a Secret gave."""

    data: Mapping[str, str] | None
    """Content by key, decoded; None when it was not read."""
    forbidden: bool = False
    """Whether the user may not read it."""


def look(world: World) -> None:
    """Look at the cluster with the stack's kubeconfig."""
    agent = world.settings.agent
    try:
        api = _api(world)
        version = _version(world, api)
        if version is not None and version < OLDEST:
            found, oldest = (".".join(map(str, item)) for item in (version, OLDEST))
            world.found("cluster.version", "old", at="agent.cluster", found=found, oldest=oldest)
        namespace = _namespace(world, api)
        _permissions(world, api, namespace)
        if namespace is not None:
            _release(world, api, namespace)
        _secrets(world, exists=namespace is not None)
        if namespace is not None or agent.create_namespace:
            _objects(world, api)
        _apis(world, api)
    except ClusterError as error:
        remedy = _KUBECONFIG_REMEDY.get(error.cause, "")
        facts = {"server": error.server, "detail": str(error), "remedy": remedy}
        case = _REACH.get(error.cause, "unreachable")
        world.found("cluster.reach", case, at="agent.cluster", seconds=f"{world.timeout:.0f}", **facts)


def cluster_version(world: World) -> str | None:
    """Version of the cluster for other looks, for example 1.36.3; None when it cannot be had."""
    if not world.levels.looks("cluster"):
        return None
    try:
        return _git_version(world, _api(world))
    except ClusterError:
        return None


def secret_reader(world: World) -> SecretReader:
    """Reader of Secrets in the agents' namespace; it reads nothing while the checks of the cluster are off."""

    def read(name: str) -> Mapping[str, str] | None:
        if not world.levels.looks("cluster"):
            return None
        try:
            return _secret(world, name).data
        except ClusterError:
            return None

    return read


def _api(world: World) -> Cluster:
    return world.shared(
        "cluster", lambda: open_cluster(world.settings, root=world.root, timeout=world.timeout)
    )


def _git_version(world: World, api: Cluster) -> str:
    return world.shared("cluster version", lambda: str(api.get("/version")["gitVersion"])).removeprefix("v")


def _version(world: World, api: Cluster) -> tuple[int, int] | None:
    numbers = re.match(r"(\d+)\.(\d+)", _git_version(world, api))
    return (int(numbers[1]), int(numbers[2])) if numbers else None


def _namespace(world: World, api: Cluster) -> Any:
    """The agents' namespace, or None when it does not exist; whose it is is judged here."""
    agent = world.settings.agent
    try:
        found = api.get(f"/api/v1/namespaces/{agent.namespace}")
    except RefusedError as error:
        if error.status == 404:
            if not agent.create_namespace:
                at = "agent.createNamespace"
                world.found("cluster.namespace", "missing", at=at, namespace=agent.namespace)
            return None
        if error.status == 403:
            # Whoever may not look at the namespace may still work in it.
            return {}
        raise
    if found["metadata"].get("deletionTimestamp"):
        world.found("cluster.namespace", "terminating", at="agent.namespace", namespace=agent.namespace)
    elif agent.create_namespace:
        _owner(world, found)
    return found


def _owner(world: World, found: Any) -> None:
    namespace = world.settings.agent.namespace
    stack = found["metadata"].get("labels", {}).get(STACK_LABEL)
    if stack is None:
        facts = {"namespace": namespace, "label": _label(world), "command": command("namespace", namespace)}
        world.found("cluster.namespace", "foreign", at="agent.namespace", **facts)
    elif world.stack is not None and stack != f"{world.project}.{world.stack}":
        world.found(
            "cluster.namespace", "other-stack", at="agent.namespace", namespace=namespace, stack=stack
        )


def _label(world: World) -> str:
    return f"{STACK_LABEL}={world.project}.{world.stack or '<stack>'}"


def _release(world: World, api: Cluster, namespace: Any) -> None:
    agent = world.settings.agent
    facts = {"name": agent.release, "namespace": agent.namespace}
    try:
        state = helm_release.release_state(api, namespace=agent.namespace, name=agent.release)
        if not state.exists:
            return
        if not _is_ours(world, api, namespace, state):
            adopt = command("release", f"{agent.namespace}/{agent.release}")
            world.found(
                "cluster.release", "foreign", at="agent.release", label=_label(world), command=adopt, **facts
            )
            return
    except RefusedError as error:
        if error.status != 403:
            raise
        return  # said by cluster.permissions
    case = {"uninstalling": "uninstalling", "failed": "failed"}.get(state.status or "")
    case = "pending" if state.stuck else case
    if case:
        status, revision = state.status, state.revision
        world.found("cluster.release", case, at="agent.release", status=status, revision=revision, **facts)


def _is_ours(world: World, api: Cluster, namespace: Any, state: helm_release.ReleaseState) -> bool:
    """By the namespace's label, else by the variable that this program puts into every release."""
    stack = namespace.get("metadata", {}).get("labels", {}).get(STACK_LABEL)
    if stack is not None:
        return world.stack is None or stack == f"{world.project}.{world.stack}"
    agent = world.settings.agent
    record = helm_release.release_record(api, namespace=agent.namespace, revision=state.revisions[0])
    names = [item.get("name") for item in record.values.get("commonEnv") or [] if isinstance(item, dict)]
    return SECRETS_MARK in names


def _permissions(world: World, api: Cluster, namespace: Any) -> None:
    if not world.levels.looks("cluster.permissions"):
        return
    agent = world.settings.agent
    asked = [(group, resource, agent.namespace) for group, resource in (*_MAKES, *_more(agent))]
    if namespace is None and agent.create_namespace:
        asked.append(("", "namespaces", ""))
    for group, resource, where in asked:
        if not _may_create(api, group, resource, where):
            place = f"{resource} in {where}" if where else resource
            world.found("cluster.permissions", "denied", at="agent.cluster", verb="create", resource=place)


def _more(agent: Agent) -> Iterator[tuple[str, str]]:
    """What the stack creates next to the chart's objects."""
    kinds = {str(manifest["kind"]) for manifest in objects(agent)}
    if SCALED_OBJECT in kinds:
        yield KEDA_API.partition("/")[0], "scaledobjects"
    if kinds - {SCALED_OBJECT}:
        yield "policy", "poddisruptionbudgets"


def _apis(world: World, api: Cluster) -> None:
    """APIs without which autoscaling does nothing."""
    if not world.levels.looks("cluster.api"):
        return
    served: dict[str, bool] = {}
    for index, worker in enumerate(world.settings.agent.workers):
        if worker.autoscaling is None:
            continue
        keda = worker.autoscaling.keda is not None
        wanted = KEDA_API if keda else _METRICS_API
        if wanted not in served:
            served[wanted] = _serves(api, wanted)
        at = f"agent.workers[{index}].autoscaling"
        if not served[wanted]:
            world.report(
                CLUSTER_API.keda(f"{at}.keda", api=wanted) if keda else CLUSTER_API.metrics(at, api=wanted)
            )


def _serves(api: Cluster, group_version: str) -> bool:
    group, _, version = group_version.partition("/")
    found = [item for item in api.get("/apis")["groups"] if item["name"] == group]
    return any(not version or item["version"] == version for group in found for item in group["versions"])


def _may_create(api: Cluster, group: str, resource: str, namespace: str) -> bool:
    """Ask the API server; a review is answered and not stored."""
    wanted = {"group": group, "resource": resource, "namespace": namespace, "verb": "create"}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": wanted},
    }
    answer = api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def _secret(world: World, name: str) -> FoundSecret:
    api, namespace = _api(world), world.settings.agent.namespace

    def read() -> FoundSecret:
        try:
            return FoundSecret(secret_data(api, namespace=namespace, name=name))
        except RefusedError as error:
            if error.status in {403, 404}:
                return FoundSecret(None, forbidden=error.status == 403)
            raise

    return world.shared(f"secret {name}", read)


def _secrets(world: World, *, exists: bool) -> None:
    namespace = world.settings.agent.namespace
    if not world.levels.looks("cluster.secret"):
        return
    for use in dict.fromkeys(secret_uses(world.settings, world.plan)):
        facts = {"secret": use.secret, "namespace": namespace, "key": use.key or "that is read"}
        if not exists:
            if world.settings.agent.create_namespace:
                world.found("cluster.secret", "no-namespace", at=use.at, **facts)
            continue
        _judge(world, use, _secret(world, use.secret), facts)


def _judge(world: World, use: SecretUse, found: FoundSecret, facts: Mapping[str, str]) -> None:
    if found.forbidden:
        world.found("cluster.secret", "unreadable", at=use.at, **facts)
    elif found.data is None:
        world.found("cluster.secret", "missing", at=use.at, **facts)
    elif use.key is not None and not found.data.get(use.key):
        there = ", ".join(sorted(found.data))
        remedy = f"add it (the Secret holds {there})" if there else "add it (the Secret is empty)"
        world.found("cluster.secret", "key", at=use.at, remedy=remedy, **facts)


_PLACES = {
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps/{name}",
    "PersistentVolumeClaim": "/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts/{name}",
    "PriorityClass": "/apis/scheduling.k8s.io/v1/priorityclasses/{name}",
    "TriggerAuthentication": f"/apis/{KEDA_API}/namespaces/{{namespace}}/triggerauthentications/{{name}}",
}


def _objects(world: World, api: Cluster) -> None:
    if not world.levels.looks("cluster.reference"):
        return
    namespace = world.settings.agent.namespace
    for use in dict.fromkeys(object_uses(world.settings)):
        try:
            api.get(_PLACES[use.kind].format(namespace=namespace, name=use.name))
        except RefusedError as error:
            if error.status == 404:
                facts = {"kind": use.kind, "name": use.name, "namespace": namespace}
                world.found("cluster.reference", "missing", at=use.at, **facts)
            elif error.status != 403:
                raise
