"""The cluster: whether it answers, what exists in it, and who manages that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from adoption.import_file import command
from clients.errors import Cause
from clients.helm import history as helm_release
from clients.helm.lease import holder_of
from clients.kubernetes import Cluster, ClusterError, RefusedError, namespace_of
from delivery.objects import KEDA_API, SCALED_OBJECT, objects
from domain.names import SECRETS_MARK, STACK_LABEL
from preflight.catalogue.cluster_checks import (
    CLUSTER_API,
    CLUSTER_NAMESPACE,
    CLUSTER_PERMISSIONS,
    CLUSTER_REACH,
    CLUSTER_REFERENCE,
    CLUSTER_RELEASE,
    CLUSTER_SECRET,
    CLUSTER_VERSION,
)
from preflight.cluster_access import SecretContent
from preflight.context import Context
from preflight.references import SecretUse, object_uses, secret_uses
from preflight.report import Finding
from settings.agent import Agent

OLDEST = (1, 30)
"""First Kubernetes that the agents are supported on (docs page remote-execution-get-started)."""

_METRICS_API = "custom.metrics.k8s.io"
"""Where prometheus-adapter serves the metric of the chart's autoscaler."""

_CREATED: tuple[tuple[str, str], ...] = (
    ("", "secrets"),
    ("", "configmaps"),
    ("", "serviceaccounts"),
    ("apps", "deployments"),
)
"""(API group, resource) of what every stack creates in its namespace."""


def find(context: Context) -> Iterator[Finding]:
    """The cluster, asked with the stack's kubeconfig."""
    server = "the cluster"
    try:
        api = context.cluster.connection()
        server = api.server
        yield from _version(context.cluster.version())
        namespace = namespace_of(api, context.settings.agent.namespace)
        yield from _judged(context, namespace)
        exists = namespace is not None
        yield from _permissions(context, api, exists=exists)
        if exists:
            yield from _release(context, api, namespace)
        yield from _secrets(context, exists=exists)
        if exists or context.settings.agent.create_namespace:
            yield from _objects(context, api)
        yield from _apis(context, api)
    except ClusterError as error:
        yield _out_of_reach(error, context.seconds)
    except RefusedError as error:
        yield CLUSTER_REACH.failing("agent.cluster", server=server, detail=str(error))


def _out_of_reach(error: ClusterError, seconds: str) -> Finding:
    at, detail = "agent.cluster", str(error)
    if error.cause is Cause.CONTEXT:
        remedy = "write a context that `kubectl config get-contexts` lists"
        return CLUSTER_REACH.kubeconfig(at, detail=detail, remedy=remedy)
    if error.cause is Cause.KUBECONFIG:
        remedy = "set KUBECONFIG, or write agent.cluster.kubeconfig and context"
        return CLUSTER_REACH.kubeconfig(at, detail=detail, remedy=remedy)
    if error.cause is Cause.TIMEOUT:
        return CLUSTER_REACH.timeout(at, server=error.server, seconds=seconds)
    if error.cause is Cause.UNAUTHORISED:
        return CLUSTER_REACH.refused(at, server=error.server, detail=detail)
    return CLUSTER_REACH.unreachable(at, server=error.server, detail=detail)


def _version(text: str) -> Iterator[Finding]:
    numbers = re.match(r"(\d+)\.(\d+)", text)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        yield CLUSTER_VERSION.old("agent.cluster", found=f"{numbers[1]}.{numbers[2]}", oldest=oldest)


def _judged(context: Context, found: Any) -> Iterator[Finding]:
    """Whether the namespace can be used, and who manages it."""
    agent = context.settings.agent
    name = agent.namespace
    if found is None:
        if not agent.create_namespace:
            yield CLUSTER_NAMESPACE.missing("agent.createNamespace", namespace=name)
    elif found and found["metadata"].get("deletionTimestamp"):
        yield CLUSTER_NAMESPACE.terminating("agent.namespace", namespace=name)
    elif found and agent.create_namespace:
        stack = found["metadata"].get("labels", {}).get(STACK_LABEL)
        if stack is None:
            yield CLUSTER_NAMESPACE.foreign(
                "agent.namespace",
                namespace=name,
                label=_label(context),
                command=command("namespace", name),
            )
        elif not _is_this_stack(context, stack):
            yield CLUSTER_NAMESPACE.other_stack("agent.namespace", namespace=name, stack=stack)


def _label(context: Context) -> str:
    return f"{STACK_LABEL}={context.project}.{context.stack or '<stack>'}"


def _is_this_stack(context: Context, stack: str) -> bool:
    """Whether a label's value names this stack; any does when this one's name is not known."""
    return context.stack is None or stack == f"{context.project}.{context.stack}"


def _release(context: Context, api: Cluster, namespace: Any) -> Iterator[Finding]:
    agent = context.settings.agent
    at, name = "agent.release", agent.release
    try:
        state = helm_release.release_state(api, namespace=agent.helm_namespace, name=name)
        if not state.exists:
            return
        if not _is_ours(context, api, namespace, state):
            adopt = command("release", f"{agent.helm_namespace}/{name}")
            yield CLUSTER_RELEASE.foreign(
                at,
                name=name,
                where=agent.helm_namespace,
                namespace=agent.namespace,
                label=_label(context),
                command=adopt,
            )
            return
    except RefusedError as error:
        if error.status != 403:
            raise
        return  # reported by cluster.permissions
    if not agent.create_namespace and "createNamespace" not in agent.withheld:
        yield from _namespace_in_release(context, api, namespace, state)
    status, revision = state.status or "", str(state.revision)
    if state.stuck:
        yield CLUSTER_RELEASE.pending(at, name=name, status=status, revision=revision)
    elif status == "uninstalling" and holder_of(api, namespace=agent.helm_namespace, release=name):
        yield CLUSTER_RELEASE.taken_back(at, name=name, revision=revision)
    elif status == "uninstalling":
        yield CLUSTER_RELEASE.uninstalling(at, name=name, namespace=agent.helm_namespace)
    elif status == "failed":
        yield CLUSTER_RELEASE.failed(at, name=name, revision=revision)


def _namespace_in_release(
    context: Context, api: Cluster, namespace: Any, state: helm_release.ReleaseState
) -> Iterator[Finding]:
    """A release installed by hand may hold the namespace that it is in; Helm deletes what is no longer in the manifest."""
    agent = context.settings.agent
    deployed = next((item for item in state.revisions if item.status == "deployed"), None)
    annotations = namespace.get("metadata", {}).get("annotations") or {}
    if deployed is None or annotations.get("helm.sh/resource-policy") == "keep":
        return
    record = helm_release.release_record(api, namespace=agent.helm_namespace, revision=deployed)
    held = {item["metadata"]["name"] for item in record.manifest if item.get("kind") == "Namespace"}
    if agent.namespace in held:
        yield CLUSTER_RELEASE.holds_namespace(
            "agent.createNamespace", name=agent.release, namespace=agent.namespace
        )


def _is_ours(context: Context, api: Cluster, namespace: Any, state: helm_release.ReleaseState) -> bool:
    """By the namespace's label, else by the variable that this program puts into every release."""
    stack = namespace.get("metadata", {}).get("labels", {}).get(STACK_LABEL)
    if stack is not None:
        return _is_this_stack(context, stack)
    agent = context.settings.agent
    record = helm_release.release_record(api, namespace=agent.helm_namespace, revision=state.revisions[0])
    names = [item.get("name") for item in record.values.get("commonEnv") or [] if isinstance(item, dict)]
    return SECRETS_MARK in names


def _permissions(context: Context, api: Cluster, *, exists: bool) -> Iterator[Finding]:
    if not context.levels.enabled("cluster.permissions"):
        return
    agent = context.settings.agent
    asked = [(group, resource, agent.namespace) for group, resource in (*_CREATED, *_more(agent))]
    if agent.helm_namespace != agent.namespace:
        asked.append(("", "secrets", agent.helm_namespace))
    if not exists and agent.create_namespace:
        asked.append(("", "namespaces", ""))
    denied = [
        (resource, where)
        for group, resource, where in asked
        # Pulumi creates the namespace by a patch of that name, so a right to this one name is enough.
        if not _may_create(api, group, resource, where, name="" if where else agent.namespace)
    ]
    if context.preview and len(denied) == len(asked):
        yield CLUSTER_PERMISSIONS.read_only("agent.cluster", namespace=agent.namespace)
    else:
        for resource, where in denied:
            place = f"{resource} in {where}" if where else resource
            yield CLUSTER_PERMISSIONS.denied("agent.cluster", verb="create", resource=place)


def _more(agent: Agent) -> Iterator[tuple[str, str]]:
    """(API group, resource) of what the stack creates next to the chart's objects."""
    kinds = {str(manifest["kind"]) for manifest in objects(agent)}
    if SCALED_OBJECT in kinds:
        yield KEDA_API.partition("/")[0], "scaledobjects"
    if kinds - {SCALED_OBJECT}:
        yield "policy", "poddisruptionbudgets"


def _apis(context: Context, api: Cluster) -> Iterator[Finding]:
    """APIs without which autoscaling does nothing."""
    if not context.levels.enabled("cluster.api"):
        return
    served: dict[str, bool] = {}
    for index, worker in enumerate(context.settings.agent.workers):
        if worker.autoscaling is None:
            continue
        keda = worker.autoscaling.keda is not None
        wanted = KEDA_API if keda else _METRICS_API
        if wanted not in served:
            served[wanted] = _serves(api, wanted)
        at = f"agent.workers[{index}].autoscaling"
        if not served[wanted]:
            yield CLUSTER_API.keda(f"{at}.keda", api=wanted) if keda else CLUSTER_API.metrics(at, api=wanted)


def _serves(api: Cluster, group_version: str) -> bool:
    group, _, version = group_version.partition("/")
    found = [item for item in api.get("/apis")["groups"] if item["name"] == group]
    return any(not version or item["version"] == version for group in found for item in group["versions"])


def _may_create(api: Cluster, group: str, resource: str, namespace: str, *, name: str = "") -> bool:
    """Ask the API server; a review is answered and not stored. ``name``: whether an object of this name may be created."""
    wanted = {"group": group, "resource": resource, "namespace": namespace, "name": name, "verb": "create"}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": wanted},
    }
    answer = api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def _secrets(context: Context, *, exists: bool) -> Iterator[Finding]:
    agent = context.settings.agent
    if not context.levels.enabled("cluster.secret"):
        return
    for use in dict.fromkeys(secret_uses(context.settings, context.plan)):
        if exists:
            yield from _secret(use, context.cluster.secret(use.secret), namespace=agent.namespace)
        elif agent.create_namespace:
            yield CLUSTER_SECRET.no_namespace(use.at, secret=use.secret, namespace=agent.namespace)


def _secret(use: SecretUse, found: SecretContent, *, namespace: str) -> Iterator[Finding]:
    key = use.key or "that is read"
    if found.forbidden:
        yield CLUSTER_SECRET.unreadable(use.at, secret=use.secret, key=key)
    elif found.data is None:
        yield CLUSTER_SECRET.missing(use.at, secret=use.secret, namespace=namespace, key=key)
    elif use.key is not None and not found.data.get(use.key):
        names = ", ".join(sorted(found.data))
        remedy = f"add it (the Secret holds {names})" if names else "add it (the Secret is empty)"
        yield CLUSTER_SECRET.key(use.at, secret=use.secret, key=use.key, remedy=remedy)


_PLACES = {
    "ConfigMap": "/api/v1/namespaces/{namespace}/configmaps/{name}",
    "PersistentVolumeClaim": "/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts/{name}",
    "PriorityClass": "/apis/scheduling.k8s.io/v1/priorityclasses/{name}",
    "TriggerAuthentication": f"/apis/{KEDA_API}/namespaces/{{namespace}}/triggerauthentications/{{name}}",
}


def _objects(context: Context, api: Cluster) -> Iterator[Finding]:
    if not context.levels.enabled("cluster.reference"):
        return
    namespace = context.settings.agent.namespace
    for use in dict.fromkeys(object_uses(context.settings)):
        try:
            api.get(_PLACES[use.kind].format(namespace=namespace, name=use.name))
        except RefusedError as error:
            if error.status == 404:
                yield CLUSTER_REFERENCE.missing(use.at, kind=use.kind, name=use.name, namespace=namespace)
            elif error.status != 403:
                raise
