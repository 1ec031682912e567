"""Objects of the release: what an update changes in them, and what was changed in the cluster since the last one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from preflight.report import Identity, ReleaseObjects, identity
from review.differences import HIDDEN, Difference, differences
from review.live_edits import Edit, edits

ObjectFate = Literal["is added", "changes", "is removed"]
_ORDER = ("Deployment", "StatefulSet", "HorizontalPodAutoscaler", "ServiceAccount", "ConfigMap", "Secret")
"""Kinds that reviewers look for first."""
_READS = {"secretKeyRef": "name", "secretRef": "name", "secret": "secretName"}


@dataclass(frozen=True)
class RenderedChange:
    """What an update changes in one object."""

    kind: str
    """Kubernetes kind."""
    name: str
    """Its name."""
    fate: ObjectFate
    """What happens to it."""
    differences: tuple[Difference, ...] = ()
    """Fields that change, in the order of their names."""


@dataclass(frozen=True)
class SecretChange:
    """Which objects start or stop reading a Secret."""

    name: str
    """The Secret."""
    started: tuple[str, ...]
    """Objects that read it from now on."""
    stopped: tuple[str, ...]
    """Objects that no longer read it."""


@dataclass(frozen=True)
class EditedObject:
    """An object that is not as the release rendered it."""

    kind: str
    """Kubernetes kind."""
    name: str
    """Its name."""
    edits: tuple[Edit, ...] = ()
    """Fields that differ; none: the object itself is missing."""


@dataclass(frozen=True)
class ObjectsReport:
    """Objects of the release, now against then and against the cluster."""

    changes: tuple[RenderedChange, ...] = ()
    """What the update changes."""
    secrets: tuple[SecretChange, ...] = ()
    """Who reads which Secret."""
    edited: tuple[EditedObject, ...] = ()
    """What was changed since the last update, by others than this stack."""


def objects_report(found: ReleaseObjects | None, *, updated: bool, removed: bool = False) -> ObjectsReport:
    """The report; ``updated``: the release changes, ``removed``: it goes. Empty where nothing could be read."""
    if found is None or found.deployed is None:
        return ObjectsReport()
    before = {identity(item): item for item in found.deployed}
    rendered = () if removed else found.rendered if updated else found.deployed
    after = before if rendered is None else {identity(item): item for item in rendered}
    return ObjectsReport(
        changes=tuple(sorted(_changes(before, after), key=lambda item: _rank(item.kind, item.name))),
        secrets=tuple(_secret_changes(before, after)),
        edited=tuple(sorted(_edited(before, found.live), key=lambda item: _rank(item.kind, item.name))),
    )


_Documents = Mapping[Identity, Mapping[str, Any]]


def _changes(before: _Documents, after: _Documents) -> Iterator[RenderedChange]:
    for key in {*before, *after}:
        _, kind, name = key
        if key not in before or key not in after:
            yield RenderedChange(kind, name, "is added" if key in after else "is removed")
            continue
        found = tuple(_hidden(kind, item) for item in differences(before[key], after[key]))
        if found:
            yield RenderedChange(kind, name, "changes", found)


def _hidden(kind: str, difference: Difference) -> Difference:
    if kind != "Secret" or difference.path[0] not in {"data", "stringData"}:
        return difference
    shown = [None if value is None else HIDDEN for value in (difference.before, difference.after)]
    return replace(difference, before=shown[0], after=shown[1])


def _secret_changes(before: _Documents, after: _Documents) -> Iterator[SecretChange]:
    old, new = _readers(before), _readers(after)
    for name in sorted({*old, *new}):
        started, stopped = (
            new.get(name, set()) - old.get(name, set()),
            old.get(name, set()) - new.get(name, set()),
        )
        if started or stopped:
            yield SecretChange(name, tuple(sorted(started)), tuple(sorted(stopped)))


def _readers(documents: _Documents) -> dict[str, set[str]]:
    """Secret -> objects that read it."""
    found: dict[str, set[str]] = {}
    for document in documents.values():
        for secret in _reads(document.get("spec")):
            found.setdefault(secret, set()).add(str(document["metadata"]["name"]))
    return found


def _reads(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _reads(item)
    elif isinstance(value, Mapping):
        for key, below in value.items():
            if key in _READS and isinstance(below, Mapping) and below.get(_READS[key]):
                yield str(below[_READS[key]])
            elif key == "imagePullSecrets" and isinstance(below, Sequence):
                yield from (
                    str(item["name"]) for item in below if isinstance(item, Mapping) and item.get("name")
                )
            else:
                yield from _reads(below)


def _edited(before: _Documents, live: Mapping[Identity, Mapping[str, Any] | None]) -> Iterator[EditedObject]:
    scaled = {
        str(target.get("name"))
        for document in before.values()
        if isinstance(target := (document.get("spec") or {}).get("scaleTargetRef"), Mapping)
    }
    for key, document in before.items():
        if key not in live:
            continue
        there = live[key]
        if there is None:
            yield EditedObject(key[1], key[2])
            continue
        found = edits(document, there, scaled=key[2] in scaled)
        if found:
            yield EditedObject(key[1], key[2], found)


def _rank(kind: str, name: str) -> tuple[int, str, str]:
    return (_ORDER.index(kind) if kind in _ORDER else len(_ORDER), kind, name)
