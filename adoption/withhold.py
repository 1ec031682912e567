"""Keeping back what the program would add to a release, and saying what still changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import delivery
from adoption.draft import Draft
from adoption.equality import Difference, differences, effective, orders
from adoption.translate import without_nulls
from delivery.chart_values import chart_values
from delivery.plan import Plan
from delivery.withheld import COMMON, GIT_CONFIG, MARK, SENTINEL_AUTH, SENTINEL_MARK, additions
from domain.chart import AGENT_TOKEN, IMAGE_PULL, OPEN_LINEAGE, SecretNames, secret_name, with_secret_names
from domain.chart import SENTINEL_AUTH as SENTINEL_SECRET
from domain.git_variables import GIT_VARIABLES
from domain.merge import Path as ValuePath
from domain.merge import render
from settings import RawValue, Settings, parse

_PLACEHOLDER = "placeholder"
_KEY = "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----"
_MOVED = "the credential moves out of Helm's values, where everyone who may read the release sees it"
_MOVES = {
    "agentToken": "agentToken",
    "agentTokenSecretName": "agentToken",
    "imagePullSecretData": "imagePullSecretData",
    "imagePullSecretName": "imagePullSecretData",
    "sentinelAuthSecret": "sentinelAuthSecret",
    "sentinelAuthSecretName": "sentinelAuthSecret",
    "openLineage.apiKey": "openLineage.apiKey",
    "openLineage.apiKeySecret": "openLineage.apiKey",
}
"""Value of the chart -> the credential in plain text that it changes with."""


@dataclass(frozen=True)
class Change:
    """A value that `pulumi up` changes anyway."""

    path: str
    """Path in the chart's values."""
    reason: str
    """Why."""


def settings_of(draft: Draft, root: Path) -> Settings:
    """The draft as settings, with placeholders for its secrets. Raises SettingsError."""
    config = dict(draft.config)
    secret: dict[str, Any] = {}
    for item in draft.clear:
        if item.key is None:
            continue
        first, *rest = item.key.split(".")
        if rest:
            secret.setdefault(first, {})[rest[0]] = {
                rest[1]: _KEY if rest[1] == "privateKey" else _PLACEHOLDER
            }
        else:
            secret[first] = _PLACEHOLDER
    raw = {
        key: RawValue(value if isinstance(value, str) else json.dumps(value)) for key, value in config.items()
    }
    raw |= {
        key: RawValue(value if isinstance(value, str) else json.dumps(value), secret=True)
        for key, value in secret.items()
    }
    return parse(raw, project="astro-dbt", root=root)


def withhold(
    draft: Draft, made: Mapping[str, Any], defaults: Mapping[str, Any], *, root: Path
) -> tuple[Change, ...]:
    """Add `withheld` and `envOrder` to the draft until it gives the agents what they have; returns what still changes.

    Raises SettingsError when the draft is not a valid stack.
    """
    made, defaults = without_nulls(made), without_nulls(defaults)
    theirs = effective(made, defaults)
    settings = settings_of(draft, root)
    _marks(draft, settings)
    settings = settings_of(draft, root)
    reasons = dict(additions(settings, delivery.plan(settings, authorities={})))
    for found in differences(theirs, effective(_sent(settings), defaults)):
        at, path = _place(found.path)
        match = _known(path, reasons.get(at, {}))
        if match is not None and not _moves(draft, found.path):
            _hold(draft, at, match, reasons[at][match], found, inherited=_holds(defaults, found))
    _trim_bundle(draft, root)
    settings = settings_of(draft, root)
    ours = effective(_sent(settings), defaults)
    for place, names in orders(theirs).items():
        sent = orders(ours).get(place, [])
        common = [name for name in sent if name in names]
        if common != [name for name in names if name in common]:
            _section(draft, _place(place)[0])["envOrder"] = [name for name in names if name in common]
    settings = settings_of(draft, root)
    delivery.check(settings, delivery.plan(settings, authorities={}), project="astro-dbt")
    left = differences(theirs, effective(_sent(settings), defaults))
    marks = (
        [Change(f"{COMMON}{MARK.removeprefix(COMMON)}", reasons["agent"][MARK])]
        if MARK not in settings.agent.withheld
        else []
    )
    return (*(_change(draft, item, reasons) for item in left), *marks)


def our_values(settings: Settings, plan: Plan) -> dict[str, Any]:
    """The values that the stack sends, but for the marks and the digest of an image that is built."""
    agent = settings.agent
    values = chart_values(settings, plan, image=agent.image)
    names = SecretNames(
        image_pull=agent.image_pull_secret or secret_name(agent.prefix, IMAGE_PULL),
        agent_token=agent.agent_token_secret
        or (secret_name(agent.prefix, AGENT_TOKEN) if settings.agent_token else None),
        sentinel_auth=None
        if SENTINEL_AUTH in agent.withheld
        else agent.sentinel_auth_secret or secret_name(agent.prefix, SENTINEL_SECRET),
        open_lineage=agent.open_lineage.api_key_secret
        or (secret_name(agent.prefix, OPEN_LINEAGE) if settings.open_lineage_api_key else None),
    )
    return with_secret_names(values, names, version=agent.chart.version)


def _sent(settings: Settings) -> dict[str, Any]:
    return our_values(settings, delivery.plan(settings, authorities={}))


def _marks(draft: Draft, settings: Settings) -> None:
    """A mark is needed if the stack creates what Pods read; everything else stays unchanged."""
    read = ("agentToken", "openLineageApiKey", "credentials.")
    keys = [item.key or "" for item in draft.clear]
    if not any(key.startswith(read) for key in keys):
        held = _section(draft, "agent").setdefault("withheld", {})
        held[MARK] = "nothing that the Pods read is created by this stack"
    if settings.agent.chart.has_sentinel and "sentinelAuth" not in keys:
        held = _section(draft, "agent.sentinel").setdefault("withheld", {})
        held[SENTINEL_MARK] = "nothing that the Pod reads is created by this stack"


def _section(draft: Draft, at: str) -> dict[str, Any]:
    """The section of a component, created where the draft has none."""
    name = at.removeprefix("agent").lstrip(".")
    if not name:
        return draft.agent
    if name.startswith("workers["):
        found: dict[str, Any] = draft.agent["workers"][int(name[8:-1])]
        return found
    created: dict[str, Any] = draft.agent.setdefault(name, {})
    return created


def _place(path: ValuePath) -> tuple[str, str]:
    """(stack key of the component, path below it) of a value."""
    if path[0] == "workers" and len(path) > 1:
        return f"agent.workers[{path[1]}]", render(path[2:]) if len(path) > 2 else ""
    if path[0] in {"dagProcessor", "triggerer", "sentinel"}:
        return f"agent.{path[0]}", render(path[1:]) if len(path) > 1 else ""
    return "agent", render(path)


def _known(path: str, known: Mapping[str, str]) -> str | None:
    """The entry of ``known`` that a path is, or is part of."""
    if path.startswith(f"{COMMON}{GIT_VARIABLES}"):
        path = GIT_CONFIG
    return next((item for item in known if path == item or path.startswith(f"{item}.")), None)


def _hold(draft: Draft, at: str, path: str, reason: str, found: Difference, *, inherited: bool) -> None:
    """Withhold a value; what the release has in its place is written down unless it is ``inherited`` from the chart."""
    section = _section(draft, at)
    section.setdefault("withheld", {}).setdefault(path, reason)
    if found.theirs is None or inherited or path.startswith((COMMON, "env.")):
        return
    *above, last = path.split(".")
    node = section.setdefault("values", {})
    for name in above:
        node = node.setdefault(name, {})
    node[last] = found.theirs


def _holds(values: Mapping[str, Any], found: Difference) -> bool:
    """Whether the chart's own values say what the release has."""
    node: Any = values
    for part in found.path:
        node = node.get(part) if isinstance(node, Mapping) else None
    return bool(node == found.theirs)


def _trim_bundle(draft: Draft, root: Path) -> None:
    """Leave the bundle list out where the stack writes the very same text."""
    text = draft.raw.pop("dagBundleConfigList", None)
    if (
        text is not None
        and delivery.plan(settings_of(draft, root), authorities={}).bundle_config_list() != text
    ):
        draft.raw["dagBundleConfigList"] = text


def _moves(draft: Draft, path: ValuePath) -> bool:
    return _MOVES.get(render(path)) in {item.where.partition("#")[0] for item in draft.clear}


def _change(draft: Draft, found: Difference, reasons: Mapping[str, Mapping[str, str]]) -> Change:
    at, path = _place(found.path)
    shown = render(found.path)
    if _moves(draft, found.path) or any(item.where.partition("#")[0] == shown for item in draft.clear):
        return Change(shown, _MOVED)
    match = _known(path, reasons.get(at, {}))
    if match is not None:
        return Change(shown, reasons[at][match])
    if found.ours is None:
        return Change(shown, "the stack has no key for it")
    return Change(shown, "the stack has another value" if found.theirs is not None else "the stack adds it")


def held(draft: Draft) -> Iterator[tuple[str, str]]:
    """(stack key, reason) of everything that is withheld."""
    agent = draft.agent
    sections = {
        "agent": agent,
        **{f"agent.{name}": agent.get(name, {}) for name in ("dagProcessor", "triggerer", "sentinel")},
    }
    sections |= {f"agent.workers[{index}]": worker for index, worker in enumerate(agent.get("workers", []))}
    for at, section in sections.items():
        yield from ((f"{at}.withheld.{path}", reason) for path, reason in section.get("withheld", {}).items())
