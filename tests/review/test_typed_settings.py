"""A report on the settings that belong together, from the values and objects that the program really makes of them.

Set UPDATE_GOLDEN=1 to write the golden file anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import delivery
from delivery.chart_values import chart_values
from delivery.objects import objects
from review import Verdict, build, parse, render
from settings.stack import Settings
from tests.support.stacks import ROOT, settings_of, with_agent

GOLDEN = ROOT / "tests" / "review" / "golden" / "typed-settings.md"
TOGETHER: dict[str, Any] = {
    "logs": {
        "sidecar": {
            "sinks": {
                "store": {"type": "http", "uri": "https://logs.example.com", "auth": {"user": "${USER}"}}
            },
            "env": {"USER": {"secret": "logging", "key": "user"}},
        },
        "remote": {"folder": "s3://bucket/logs", "connection": "aws_default"},
    },
    "identity": {"aws": {"roleArn": "arn:aws:iam::123456789012:role/agents"}},
    "stateStore": {"path": "s3://aws_default@bucket/state"},
    "disruptionBudgets": {"workers": {"maxUnavailable": 1}},
    "workers": [
        {
            "name": "default-worker",
            "spread": {"over": "zone"},
            "autoscaling": {"maxReplicas": 4, "keda": {"prometheus": "http://prometheus:9090"}},
        }
    ],
}


def _values(settings: Settings) -> dict[str, Any]:
    return chart_values(settings, delivery.plan(settings, authorities={}), image="r.example.com/a@sha256:1")


def _steps(before: Settings, after: Settings) -> Iterator[dict[str, Any]]:
    urn = "urn:pulumi:prod::astro-dbt::astro-dbt:components:"
    yield {
        "op": "same",
        "urn": "urn:pulumi:prod::astro-dbt::pulumi:pulumi:Stack::astro-dbt-prod",
        "oldState": {},
    }
    sides = [{"inputs": {"values": _values(item), "timeout": 900}} for item in (before, after)]
    release = f"{urn}AgentRelease$kubernetes:helm.sh/v3:Release::agent"
    yield {"op": "update", "urn": release, "oldState": sides[0], "newState": sides[1]}
    for manifest in objects(after.agent):
        name = f"objects-{manifest['kind']}-{manifest['metadata']['name']}".lower()
        kind = f"kubernetes:{manifest['apiVersion']}:{manifest['kind']}"
        yield {
            "op": "create",
            "urn": f"{urn}AgentObjects${kind}::{name}",
            "newState": {"inputs": dict(manifest)},
        }


def test_the_report_names_reasons_and_objects() -> None:
    before, after = settings_of(with_agent()), settings_of(with_agent(**TOGETHER))
    preview = {"config": {}, "steps": list(_steps(before, after)), "diagnostics": []}
    report = build(parse(json.dumps(preview)))
    text = render(report)
    assert report.verdict is Verdict.ROLLS
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_annotations_of_an_account_restart_nothing_and_another_account_does() -> None:
    role = {"aws": {"roleArn": "arn:aws:iam::123456789012:role/agents"}}
    plain = settings_of(with_agent())
    for identity, verdict in ((role, Verdict.SAFE), ({**role, "account": "mine"}, Verdict.ROLLS)):
        steps = list(_steps(plain, settings_of(with_agent(identity=identity))))
        assert build(parse(json.dumps({"steps": steps}))).verdict is verdict
