"""Small previews, as `pulumi preview --json` prints them."""

from __future__ import annotations

import json
from typing import Any

from review import build, parse

RELEASE = "astro-dbt:components:AgentRelease$kubernetes:helm.sh/v3:Release"
SECRET = "astro-dbt:components:AgentRelease$kubernetes:core/v1:Secret"
VALUES: dict[str, Any] = {
    "resourceNamePrefix": "a",
    "commonEnv": [{"name": "ONE", "value": "1"}],
    "workers": [{"name": "w", "replicas": 2, "terminationGracePeriodSeconds": 900}],
    "dagProcessor": {},
    "triggerer": {"replicas": 1},
    "sentinel": {"enabled": True},
}


def step(kind, name, operation="update", before=None, after=None, **more):
    state = {"oldState": {"inputs": before}} if before is not None else {}
    state |= {"newState": {"inputs": after}} if after is not None else {}
    return {"op": operation, "urn": f"urn:pulumi:prod::astro-dbt::{kind}::{name}", **state, **more}


def digest(*steps, diagnostics=(), outputs=None, **config):
    root = step("pulumi:pulumi:Stack", "astro-dbt-prod", "same")
    root["oldState"] = {"outputs": outputs or {}}
    return json.dumps(
        {
            "config": {f"astro-dbt:{key}": value for key, value in config.items()},
            "steps": [root, *steps],
            "diagnostics": [{"severity": kind, "message": text} for kind, text in diagnostics],
        }
    )


def release(before, after, operation="update", **more):
    return step(
        RELEASE,
        "agent",
        operation,
        {"values": before, "timeout": 1200},
        {"values": after, "timeout": 1200},
        **more,
    )


def review(*steps, **more):
    return build(parse(digest(*steps, **more)))


def with_worker(**changes):
    return {**VALUES, "workers": [{**VALUES["workers"][0], **changes}]}
