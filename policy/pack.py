"""The rules as a Pulumi policy pack."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from policy.rules import RULES, PolicyInput, Resource, Rule

NAME = "astro-dbt"


def pack() -> PolicyPack:
    """Serve the pack; Pulumi starts it in every preview and update that names it."""
    return PolicyPack(NAME, policies=[_policy(rule) for rule in RULES])


def _policy(rule: Rule) -> StackValidationPolicy:
    schema = PolicyConfigSchema(properties={key: dict(value) for key, value in rule.settings.items()})
    return StackValidationPolicy(
        rule.name,
        rule.description,
        partial(_validate, rule),
        enforcement_level=EnforcementLevel.MANDATORY if rule.mandatory else EnforcementLevel.ADVISORY,
        config_schema=schema if rule.settings else None,
    )


def _validate(rule: Rule, args: StackValidationArgs, report: ReportViolation) -> None:
    resources = tuple(_resource(item) for item in args.resources)
    stack = os.environ.get("PULUMI_STACK", "the stack")
    config = plain(args.get_config()) if rule.settings else {}
    for message in rule.check(
        PolicyInput(stack, resources, config, _projects(), _bundles(), _chart_version())
    ):
        report(message, None)


def _resource(item: PolicyResource) -> Resource:
    provider = plain(item.provider.props) if item.provider else {}
    return Resource(item.resource_type, item.name, plain(item.props), bool(item.opts.protect), provider)


def plain(value: Any) -> Any:
    """Pulumi's mappings and lists as ordinary ones, without values that are unknown in a preview."""
    if isinstance(value, Mapping):
        return dict(_known((str(key), partial(value.__getitem__, key)) for key in value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [item for _, item in _known(("", partial(value.__getitem__, at)) for at in range(len(value)))]
    return value


def _known(entries: Iterable[tuple[str, Callable[[], Any]]]) -> Iterator[tuple[str, Any]]:
    for key, read in entries:
        try:
            found = read()
        except UnknownValueError:
            continue
        yield key, plain(found)


def _projects() -> Sequence[Mapping[str, Any]]:
    found = _configured("dbtProjects")
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def _bundles() -> Mapping[str, Mapping[str, Any]]:
    dags = _configured("dags") or {}
    listed = (
        {f"dags[{index}]": item for index, item in enumerate(dags)}
        if isinstance(dags, list)
        else {"dags": dags}
    )
    return {at: item for at, item in listed.items() if isinstance(item, Mapping)}


def _chart_version() -> str | None:
    agent = _configured("agent")
    chart = agent.get("chart") if isinstance(agent, Mapping) else None
    version = chart.get("version") if isinstance(chart, Mapping) else None
    return None if version is None else str(version)


def _configured(key: str) -> Any:
    """One key of the checked stack's configuration, as Pulumi passes it to a pack."""
    config = json.loads(os.environ.get("PULUMI_CONFIG") or "{}")
    return json.loads(config.get(f"{os.environ.get('PULUMI_PROJECT', '')}:{key}") or "null")
