"""What the API server says to an object that a chart renders, without storing it: validation, admission, policies.

Source: kubernetes.io/docs/reference/using-api/api-concepts, "Dry-run". The answers are those of `helm install` and `helm upgrade`, for
which an object is created, or changed from what lives in the cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from clients.helm.render import Manifest
from clients.kubernetes import Cluster, RefusedError

STAND_IN = "default"
"""Namespace in which objects are judged while theirs does not exist; every cluster has it."""


class Outcome(StrEnum):
    """What the server made of an object."""

    INVALID = "invalid"
    """It is not a valid object, whatever the namespace."""
    DENIED = "denied"
    """A quota, a webhook or a policy of the namespace or the cluster refuses it."""
    UNKNOWN_KIND = "unknown-kind"
    """The cluster does not serve its kind."""
    DROPPED = "dropped"
    """It is accepted, but a field of it is unknown and dropped, or its Pods will be refused."""
    UNVERIFIED = "unverified"
    """The server could not or may not say."""


@dataclass(frozen=True)
class Judgement:
    """One thing that the server said of an object."""

    outcome: Outcome
    """What."""
    detail: str
    """Its words, without the name of the object."""
    field: str = ""
    """Field of the object, for example `spec.template.spec.containers[0].image`."""


def judge(
    cluster: Cluster,
    document: Manifest,
    *,
    namespace: str,
    live: Manifest | None = None,
    deployed: Manifest | None = None,
    stand_in: bool = False,
) -> tuple[Judgement, ...]:
    """Everything that speaks against an object; nothing when it is accepted.

    ``live`` is what the cluster has, ``deployed`` what the release last rendered: then it is a change that is judged.
    ``stand_in``: the namespace does not exist, so the object is judged in another, whose own rules do not count. Raises
    ClusterError, and RefusedError 404 when the namespace does not exist.
    """
    placed = _in_namespace(document, STAND_IN) if stand_in else document
    try:
        path = cluster.path_of(placed, STAND_IN if stand_in else namespace)
    except RefusedError as error:
        if error.status != 404:
            return (Judgement(Outcome.UNVERIFIED, str(error)),)
        return (Judgement(Outcome.UNKNOWN_KIND, f"no {document['kind']} in {document['apiVersion']}"),)
    try:
        if live is None:
            warnings = cluster.try_create(path.rpartition("/")[0], placed)
        else:
            warnings = cluster.try_replace(path, changed(live, document, deployed))
    except RefusedError as error:
        if error.status == 409:
            return ()
        if error.status == 404 and (error.answer.get("details") or {}).get("kind") == "namespaces":
            raise
        found = tuple(_refusals(error))
        return tuple(item for item in found if not (stand_in and item.outcome is Outcome.DENIED))
    return tuple(_from_warnings(warnings))


def changed(live: Manifest, document: Manifest, deployed: Manifest | None) -> dict[str, Any]:
    """The live object as an upgrade leaves it: fields of the chart replaced, those of others kept.

    Coarser than Helm's merge, which goes into lists: enough for the server to see what cannot change.
    """
    kept = {key: value for key, value in live.items() if key != "status"}
    metadata = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    for shared in ("labels", "annotations"):
        metadata[shared] = {**(metadata.get(shared) or {}), **(document["metadata"].get(shared) or {})}
    for key, value in document.items():
        before, rendered = live.get(key), (deployed or {}).get(key)
        if key == "spec" and isinstance(value, Mapping) and isinstance(before, Mapping):
            dropped = set(rendered) - set(value) if isinstance(rendered, Mapping) else set()
            value = {**{name: item for name, item in before.items() if name not in dropped}, **value}
        kept[key] = value
    return {**kept, "metadata": metadata}


def _in_namespace(document: Manifest, namespace: str) -> dict[str, Any]:
    metadata = document["metadata"]
    return {
        **document,
        "metadata": {**metadata, "namespace": namespace} if metadata.get("namespace") else metadata,
    }


def _refusals(error: RefusedError) -> Iterator[Judgement]:
    causes = (error.answer.get("details") or {}).get("causes") or []
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return  # says nothing of the object
    message = " ".join(str(error.answer.get("message") or error).split())
    denied = re.search(r"(admission webhook .* denied the request|ValidatingAdmissionPolicy ).*", message)
    if denied:
        yield Judgement(Outcome.DENIED, denied[0])
    elif error.status == 403 and not re.search(r"is forbidden: User .* cannot ", message):
        yield Judgement(Outcome.DENIED, message.partition("is forbidden: ")[2] or message)
    elif error.status == 422:
        for cause in causes or [{"message": message}]:
            field, text = str(cause.get("field") or ""), str(cause.get("message") or message)
            yield Judgement(Outcome.INVALID, f"{field}: {text}" if field else text, field)
    elif error.status == 400 and "does not support dry run" not in message:
        yield Judgement(Outcome.INVALID, message)
    else:
        yield Judgement(Outcome.UNVERIFIED, message)


def _from_warnings(warnings: tuple[str, ...]) -> Iterator[Judgement]:
    """Warnings about what will not happen; others, of deprecated APIs for instance, are the chart's own matter."""
    for text in warnings:
        unknown = re.match(r'unknown field "([^"]+)"', text)
        if unknown:
            yield Judgement(Outcome.DROPPED, text, unknown[1])
        elif text.startswith("would violate PodSecurity"):
            yield Judgement(Outcome.DROPPED, text)
