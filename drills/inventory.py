"""What is wrong with a stack after a run: objects without an owner, holes in Helm's history, agents that are not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from clients.helm.history import release_record, release_state
from drills.watch import cluster_of
from tests.support.engine import Stack

RELEASE = "astro-agent"
_OF_KUBERNETES = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
_PASSING = {"Event", "EndpointSlice", "Endpoints", "PodMetrics"}
_KEPT_REVISIONS = {"deployed", "superseded", "failed"}


def problems_of(stack: Stack) -> Iterator[str]:
    """Sentences about what an installed stack should not look like."""
    cluster = cluster_of(stack, timeout=30)
    state = release_state(cluster, namespace=stack.namespace, name=RELEASE)
    revisions = [item.revision for item in reversed(state.revisions)]
    if not revisions:
        yield "there is no release"
        return
    if revisions != list(range(revisions[0], revisions[-1] + 1)):
        yield f"Helm's history has a hole: {revisions}"
    if state.status != "deployed":
        yield f"the newest revision is {state.status}"
    if [item.status for item in state.revisions].count("deployed") != 1 or any(
        item.status not in _KEPT_REVISIONS for item in state.revisions
    ):
        yield f"Helm's history is {', '.join(f'{item.revision} {item.status}' for item in state.revisions)}"
    record = release_record(cluster, namespace=stack.namespace, revision=state.revisions[0])
    owned = {(item["kind"], item["metadata"]["name"]) for item in record.manifest} | set(of_state(stack))
    for kind, name in sorted(_objects(stack) - owned - _OF_KUBERNETES):
        yield f"{kind} {name} belongs to nothing"
    for name, deployment in sorted(stack.deployments().items()):
        if (deployment.status.available_replicas or 0) < deployment.spec.replicas:
            yield f"Deployment {name} is not available"


def leftovers_of(stack: Stack) -> Iterator[str]:
    """Sentences about what is left of a destroyed stack."""
    namespaces = json.loads(stack.run("kubectl", "get", "namespaces", "--output=json").stdout)["items"]
    if stack.namespace in [item["metadata"]["name"] for item in namespaces]:
        yield f"the namespace {stack.namespace} is still there"
    resources = list(_resources(stack))
    if resources:
        yield f"the state still has {len(resources)} resources"


def _resources(stack: Stack) -> Iterator[dict[str, Any]]:
    yield from json.loads(stack.state())["deployment"].get("resources") or []


def of_state(stack: Stack) -> Iterator[tuple[str, str]]:
    """Kinds and names of the Kubernetes objects in a stack's state."""
    for resource in _resources(stack):
        outputs = resource.get("outputs") or {}
        if resource["type"].startswith("kubernetes:") and "metadata" in outputs:
            yield str(outputs.get("kind")), str(outputs["metadata"]["name"])


def _objects(stack: Stack) -> set[tuple[str, str]]:
    """Objects of the namespace that no other object owns, Helm's records excepted."""
    kinds = stack.run("kubectl", "api-resources", "--namespaced", "--verbs=list,delete", "--output=name")
    listed = stack.run(
        "kubectl", "--namespace", stack.namespace, "get", ",".join(kinds.stdout.split()), "--output=json"
    )
    found = set()
    for item in json.loads(listed.stdout)["items"]:
        metadata = item["metadata"]
        if metadata.get("ownerReferences") or item["kind"] in _PASSING:
            continue
        if not metadata["name"].startswith("sh.helm.release.v1."):
            found.add((item["kind"], metadata["name"]))
    return found
