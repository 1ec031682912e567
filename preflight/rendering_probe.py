"""The chart rendered with the final values. Its objects and those of this program are tried on the cluster, which stores nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from clients.errors import Cause
from clients.helm.dry_run import STAND_IN, Judgement, Outcome, judge
from clients.helm.history import ReleaseState, release_record, release_state
from clients.helm.render import Capabilities, Manifest, RenderError, hook_of, render
from clients.kubernetes import Cluster, ClusterError, RefusedError, served_apis
from delivery.objects import objects_by_key
from preflight.catalogue.chart_checks import CHART_RENDER
from preflight.catalogue.cluster_checks import CLUSTER_OBJECTS
from preflight.chart_probe import complete_values
from preflight.context import Context
from preflight.origins import VERSION, key_of_object, key_of_value, mentioned
from preflight.parallel import Task, gather
from preflight.report import Finding, Found, Identity, ReleaseObjects, identity

T = TypeVar("T")

_AT_ONCE = 4
"""Requests to the API server side by side."""
_AS_WRITTEN = ("spec.triggers[", "spec.selector")
"""Fields of this program's own objects that a stack writes as Kubernetes has them."""
_OWNERS = ("meta.helm.sh/release-name", "meta.helm.sh/release-namespace")
"""Annotations by which Helm knows its objects."""
_LONGEST = 300
"""Characters of a message of others."""


@dataclass(frozen=True)
class _Judged:
    """What the cluster said of an object."""

    document: Manifest
    judgement: Judgement | None
    """None: the namespace does not exist, so another one stood in for it."""
    at: str = ""
    """Stack key of an object that this program creates itself; empty for one of the chart."""

    def key(self, context: Context, values: Mapping[str, Any], field: str) -> str:
        """Stack key that leads to a field of the object."""
        if not self.at:
            return key_of_object(context.settings, values, self.document, field)
        return f"{self.at}.{field.removeprefix('spec.')}" if field.startswith(_AS_WRITTEN) else self.at


def find(context: Context) -> Iterator[Found]:
    """Render the release, read what exists of it, and have the cluster judge what is new or changes."""
    try:
        api = context.cluster.connection() if context.levels.enabled("cluster.objects") else None
        state = _state(context, api) if api else None
        rendered = _rendered(context, api, upgrade=bool(state and state.exists))
        if isinstance(rendered, Finding):
            yield rendered
        documents = rendered if isinstance(rendered, tuple) else ()
        if api is None:
            return
        objects = _objects(context, api, state, None if not isinstance(rendered, tuple) else documents)
        yield objects
        yield from _judgements(context, api, documents, objects)
    except ClusterError:
        return  # reported by cluster.reach


def _rendered(
    context: Context, api: Cluster | None, *, upgrade: bool
) -> tuple[Manifest, ...] | Finding | None:
    """The objects; a finding when they do not render, None where nobody asks or another check reports why."""
    if not context.levels.enabled("chart.render"):
        return None
    package = context.chart()
    if isinstance(package, Finding):
        return None  # reported by chart.reach and chart.version
    agent = context.settings.agent
    values = complete_values(context)
    try:
        return render(
            package.content,
            values,
            release=agent.release,
            namespace=agent.helm_namespace,
            capabilities=_capabilities(context, api),
            upgrade=upgrade,
            timeout=context.timeout,
        )
    except RenderError as error:
        if error.cause is not Cause.INVALID:
            return CHART_RENDER.unrendered("agent.chart", detail=str(error))
        of_schema = str(error).startswith("values don't meet the specifications")
        if of_schema and any(package.refusals(values)):
            return None  # reported by chart.values
        return _failure(context, values, error)


def _failure(context: Context, values: Mapping[str, Any], error: RenderError) -> Finding:
    path = error.value if error.value and error.value[0] in values else mentioned(values, str(error))
    key = key_of_value(context.settings, path)
    version, detail = context.settings.agent.chart.version, _short(str(error))
    if key == VERSION:
        return CHART_RENDER.broken(VERSION, version=version, detail=detail)
    return CHART_RENDER.failed(key, version=version, detail=detail)


def _capabilities(context: Context, api: Cluster | None) -> Capabilities | None:
    version = context.cluster.known_version() if api else None
    if api is None or version is None:
        return None
    try:
        return Capabilities(version, served_apis(api))
    except RefusedError:
        return Capabilities(version)


def _state(context: Context, api: Cluster) -> ReleaseState | None:
    agent = context.settings.agent
    try:
        return release_state(api, namespace=agent.helm_namespace, name=agent.release)
    except RefusedError:
        return None


def _objects(
    context: Context, api: Cluster, state: ReleaseState | None, rendered: tuple[Manifest, ...] | None
) -> ReleaseObjects:
    deployed = _deployed(context, api, state)
    own = None if rendered is None else tuple(item for item in rendered if not hook_of(item))
    wanted = {identity(item): item for item in (*(own or ()), *(deployed or ()))}
    read = _each(context, list(wanted.values()), partial(_live, context, api))
    return ReleaseObjects(own, deployed, dict(read))


def _deployed(context: Context, api: Cluster, state: ReleaseState | None) -> tuple[Manifest, ...] | None:
    """What the release last rendered; nothing before its first install, None when that may not be read."""
    if state is None:
        return None
    revision = next((item for item in state.revisions if item.status == "deployed"), None)
    if revision is None:
        return ()
    try:
        return release_record(
            api, namespace=context.settings.agent.helm_namespace, revision=revision
        ).manifest
    except RefusedError:
        return None


def _live(context: Context, api: Cluster, document: Manifest) -> Iterator[tuple[Identity, Manifest | None]]:
    """What the cluster has of an object: None when it has none, nothing at all when it may not be read."""
    try:
        yield identity(document), api.get(api.path_of(document, context.settings.agent.helm_namespace))
    except RefusedError as error:
        if error.status == 404:
            yield identity(document), None


def _judgements(
    context: Context, api: Cluster, rendered: tuple[Manifest, ...], objects: ReleaseObjects
) -> Iterator[Finding]:
    values = complete_values(context)
    before = {identity(item): item for item in objects.deployed or ()}
    asked = []
    for document in rendered:
        own = identity(document)
        live = None if hook_of(document) else objects.live.get(own)
        if live is not None and not _is_ours(context, live):
            at = key_of_object(context.settings, values, document, "")
            namespace = context.settings.agent.namespace
            yield CLUSTER_OBJECTS.foreign(at, object=_name(document), namespace=namespace)
        elif live is None or before.get(own) != document:
            asked.append(document)
    judged = _each(context, asked, partial(_judge, context, api, objects, before))
    judged += _own(context, api)
    yield from _findings(context, values, judged)


def _own(context: Context, api: Cluster) -> list[_Judged]:
    """What the cluster says of the objects that this program creates next to the release."""
    own = {identity(manifest): (at, manifest) for at, manifest in objects_by_key(context.settings.agent)}
    served = [manifest for _, manifest in own.values() if _is_served(api, manifest, context)]
    live = dict(_each(context, served, partial(_live, context, api)))
    found = _each(context, served, partial(_judge, context, api, ReleaseObjects(None, None, live), {}))
    return [replace(item, at=own[identity(item.document)][0]) for item in found]


def _is_served(api: Cluster, document: Manifest, context: Context) -> bool:
    """Whether the cluster has the kind; cluster.api reports KEDA's if not."""
    try:
        api.path_of(document, context.settings.agent.namespace)
    except RefusedError:
        return False
    return True


def _judge(
    context: Context,
    api: Cluster,
    objects: ReleaseObjects,
    before: Mapping[Identity, Manifest],
    document: Manifest,
) -> Iterator[_Judged]:
    own = identity(document)
    asked = partial(
        judge,
        api,
        document,
        namespace=context.settings.agent.helm_namespace,
        live=None if hook_of(document) else objects.live.get(own),
        deployed=before.get(own),
    )
    try:
        found = asked()
    except RefusedError:
        yield _Judged(document, None)
        found = asked(stand_in=True)
    for item in found:
        yield _Judged(document, item)


def _is_ours(context: Context, live: Manifest) -> bool:
    agent = context.settings.agent
    notes = live["metadata"].get("annotations") or {}
    return tuple(notes.get(name) for name in _OWNERS) == (agent.release, agent.helm_namespace)


def _findings(context: Context, values: Mapping[str, Any], judged: Sequence[_Judged]) -> Iterator[Finding]:
    """One finding for everything that one value causes in the same words, and one for all that could not be judged."""
    grouped: dict[tuple[Outcome, str, str], set[str]] = {}
    unverified: list[str] = []
    for item in judged:
        if item.judgement is None:
            unverified.append(f"the namespace does not exist yet, so they were tried in {STAND_IN}")
        elif item.judgement.outcome is Outcome.UNVERIFIED:
            unverified.append(_short(item.judgement.detail))
        else:
            key = item.key(context, values, item.judgement.field)
            where = (item.judgement.outcome, key, _short(item.judgement.detail))
            grouped.setdefault(where, set()).add(_name(item.document))
    for (outcome, key, detail), names in sorted(grouped.items()):
        yield _finding(outcome, key, ", ".join(sorted(names)), detail)
    reasons = sorted(set(unverified))
    if reasons:
        more = f", and {len(reasons) - 1} more" if len(reasons) > 1 else ""
        yield CLUSTER_OBJECTS.unverified("agent.cluster", detail=f"{reasons[0]}{more}")


def _finding(outcome: Outcome, key: str, objects: str, detail: str) -> Finding:
    if outcome is Outcome.UNKNOWN_KIND:
        return CLUSTER_OBJECTS.unknown_kind(key, objects=objects, detail=detail)
    if outcome is Outcome.DENIED:
        return CLUSTER_OBJECTS.denied(key, objects=objects, detail=detail)
    if outcome is Outcome.DROPPED:
        return CLUSTER_OBJECTS.dropped(key, objects=objects, detail=detail)
    return CLUSTER_OBJECTS.invalid(key, objects=objects, detail=detail)


def _name(document: Manifest) -> str:
    """`Deployment astro-agent-triggerer`."""
    return f"{document['kind']} {document['metadata'].get('name')}"


def _each(context: Context, documents: Sequence[Manifest], ask: Callable[[Manifest], Iterator[T]]) -> list[T]:
    """Answers about objects, some asked side by side. Raises ClusterError."""

    def some(mine: Sequence[Manifest]) -> Iterator[T]:
        for document in mine:
            yield from ask(document)

    tasks = [
        Task("objects", partial(some, documents[start::_AT_ONCE]))
        for start in range(min(_AT_ONCE, len(documents)))
    ]
    found: list[T] = []
    for outcome in gather(tasks, seconds=2 * context.timeout):
        if outcome.error is not None:
            raise outcome.error
        if not outcome.finished:
            raise ClusterError(Cause.TIMEOUT, "the cluster did not answer in time")
        found += outcome.results
    return found


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
