"""What somebody changed in objects of a release that live in the cluster, and who: pure.

Compared are fields that the rendered manifest sets, because the API server fills in the rest. A field that it does not set
counts as well when someone else than Helm owns it: Kubernetes writes down who set which field, and when (managedFields;
kubernetes.io/docs/reference/using-api/server-side-apply, "Field management").
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from clients.helm.leftovers import merge_key
from domain.quantity import amount
from review.differences import HIDDEN

_HELM_MARK = "f:meta.helm.sh/release-name"
"""Field by whose owner Helm is known: its client has the name of the program that it is part of."""
_CONTROLLER = re.compile(r"controller|operator|autoscaler|^keda")
"""Managers that do their work in objects of others."""
_AMOUNTS = frozenset({"requests", "limits"})
_AMOUNT_FIELDS = frozenset({"sizeLimit", "averageValue", "storage"})


@dataclass(frozen=True)
class Edit:
    """One field that is not as the release rendered it."""

    path: tuple[str, ...]
    """Keys from the root of the object; entries of a list by their name."""
    rendered: Any
    """Value that the release rendered; None: it set none."""
    live: Any
    """Value in the cluster; None: there is none."""
    manager: str | None
    """Who set it last, as Kubernetes knows it; None when it does not, for a field that was removed for instance."""
    time: str | None
    """When, in RFC 3339."""


@dataclass(frozen=True)
class _Manager:
    name: str
    time: str | None
    helm: bool

    @property
    def controller(self) -> bool:
        return bool(_CONTROLLER.search(self.name))


_Owners = Sequence[tuple[_Manager, Mapping[str, Any]]]
"""Managers with what they own at a place."""


def edits(rendered: Mapping[str, Any], live: Mapping[str, Any], *, scaled: bool = False) -> tuple[Edit, ...]:
    """Everything in a live object that is not as rendered; ``scaled``: an autoscaler sets its replicas."""
    owners = list(_owners(live))
    found = []
    for edit in _walk(_comparable(rendered), _comparable(live), owners, ()):
        by_controller = edit.manager is not None and bool(_CONTROLLER.search(edit.manager))
        if edit.path == ("spec", "replicas") and (scaled or by_controller):
            continue
        secret = rendered["kind"] == "Secret" and edit.path[0] == "data"
        found.append(_hidden(edit) if secret else _of_variable(edit))
    return tuple(found)


def _of_variable(edit: Edit) -> Edit:
    """The value of a variable under the variable's name, by which credentials are recognised."""
    named = edit.path[-1] == "value" and edit.path[-3:-2] == ("env",)
    return replace(edit, path=edit.path[:-1]) if named else edit


def _hidden(edit: Edit) -> Edit:
    shown = [None if value is None else HIDDEN for value in (edit.rendered, edit.live)]
    return replace(edit, rendered=shown[0], live=shown[1])


def _comparable(document: Mapping[str, Any]) -> dict[str, Any]:
    """The object without its identity, its status and what only the server writes."""
    found = {
        key: value
        for key, value in document.items()
        if key not in {"apiVersion", "kind", "metadata", "status"}
    }
    text = found.pop("stringData", None) or {}
    if text:
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in text.items()}
        found["data"] = {**(found.get("data") or {}), **encoded}
    metadata = document.get("metadata") or {}
    return {**found, "metadata": {key: metadata.get(key) or {} for key in ("labels", "annotations")}}


def _owners(live: Mapping[str, Any]) -> Iterator[tuple[_Manager, Mapping[str, Any]]]:
    for entry in live["metadata"].get("managedFields") or ():
        if entry.get("subresource") == "status":
            continue
        fields = entry.get("fieldsV1") or {}
        annotations = (fields.get("f:metadata") or {}).get("f:annotations") or {}
        manager = _Manager(str(entry.get("manager")), entry.get("time"), _HELM_MARK in annotations)
        yield manager, fields


def _walk(rendered: Any, live: Any, owners: _Owners, path: tuple[str, ...]) -> Iterator[Edit]:
    if isinstance(rendered, Mapping) and isinstance(live, Mapping):
        for key in sorted({*rendered, *live}):
            below = [(manager, fields.get(f"f:{key}")) for manager, fields in owners]
            kept = [(manager, fields) for manager, fields in below if fields is not None]
            yield from _field(rendered.get(key), live.get(key), kept, (*path, str(key)))
        return
    key = merge_key([*rendered, *live]) if isinstance(rendered, list) and isinstance(live, list) else None
    if key is not None:
        ours, theirs = ({str(item[key]): item for item in items} for items in (rendered, live))
        for name in sorted({*ours, *theirs}):
            item = theirs.get(name) or ours[name]
            kept = [
                (manager, found) for manager, fields in owners if (found := _entry(fields, item)) is not None
            ]
            yield from _field(ours.get(name), theirs.get(name), kept, (*path, name), entry=True)
    elif not _same(rendered, live, path):
        yield _edit(path, rendered, live, owners)


def _field(
    rendered: Any, live: Any, owners: _Owners, path: tuple[str, ...], *, entry: bool = False
) -> Iterator[Edit]:
    if not _is_empty(rendered):
        if _is_empty(live):
            yield Edit(path, rendered, None, None, None)
        else:
            yield from _walk(rendered, live, owners, path)
    elif _is_empty(live):
        return
    elif isinstance(live, Mapping) and not entry:
        yield from _walk({}, live, owners, path)
    elif isinstance(live, list) and merge_key(live) is not None:
        yield from _walk([], live, owners, path)
    elif owners and not any(manager.helm or manager.controller for manager, _ in owners):
        yield _edit(path, None, live, owners)


def _edit(path: tuple[str, ...], rendered: Any, live: Any, owners: _Owners) -> Edit:
    others = [manager for manager, _ in owners if not manager.helm] or [manager for manager, _ in owners]
    last = max(others, key=lambda manager: manager.time or "", default=None)
    return Edit(path, rendered, live, last.name if last else None, last.time if last else None)


def _entry(fields: Mapping[str, Any], item: Any) -> Mapping[str, Any] | None:
    """What a manager owns of one entry of a list."""
    for key, below in fields.items():
        if key.startswith("k:"):
            wanted = json.loads(key[2:])
            if isinstance(item, Mapping) and all(item.get(name) == value for name, value in wanted.items()):
                return below if isinstance(below, Mapping) else {}
    return None


def _is_empty(value: Any) -> bool:
    return value is None or value in ({}, [])


def _same(rendered: Any, live: Any, path: tuple[str, ...]) -> bool:
    """Whether the server has what was rendered: it writes amounts in another spelling (1024Mi as 1Gi)."""
    if rendered == live and isinstance(rendered, bool) == isinstance(live, bool):
        return True
    if not _AMOUNTS & set(path[-2:]) and path[-1] not in _AMOUNT_FIELDS and path[-2:] != ("target", "value"):
        return False
    left, right = amount(rendered), amount(live)
    return left is not None and left == right
