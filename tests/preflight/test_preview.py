"""Preflight inside the real engine: `pulumi preview` says everything at once and touches nothing."""

from __future__ import annotations

import copy

import pytest

from tests.support.engine import Stack

pytestmark = [pytest.mark.preflight, pytest.mark.engine]


def test_a_preview_of_five_mistakes_shows_five_findings_and_changes_nothing(stack: Stack) -> None:
    config = copy.deepcopy(stack.config)
    config["dags"]["subdir"] = "dgs"
    config["dbtProjects"][0]["path"] = "dags/dbt/jafle"
    config["agent"] |= {
        "agentTokenSecret": "not-there",
        "chart": {**config["agent"]["chart"], "version": "2.3.9"},
        "sentinel": {"image": f"{stack.info.registry.server}/nothing:1"},
    }
    del config["agentToken"]
    done = stack.preview(config)
    printed = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    for sentence in (
        "astro-dbt:dags.subdir is dgs,",
        "astro-dbt:dbtProjects[0].path is dags/dbt/jafle,",
        "astro-dbt:agent.agentTokenSecret names the Secret not-there,",
        "astro-dbt:agent.chart.version is 2.3.9,",
        "astro-dbt:agent.sentinel.image is ",
    ):
        assert sentence in printed
    assert "Traceback" not in printed
    assert stack.info.git.token not in printed
    up = stack.pulumi("up", "--yes", "--skip-preview")
    assert up.returncode != 0
    names = [item.metadata.name for item in stack.api().list_namespace().items if item.metadata]
    assert stack.namespace not in names, "nothing may be created"


def test_a_chart_that_does_not_render_and_objects_that_do_not_fit_stop_before_any_change(
    stack: Stack,
) -> None:
    good = copy.deepcopy(stack.config)
    config = copy.deepcopy(good)
    config["agent"]["values"] = {"loggingSidecar": {"enabled": True}}
    done = stack.preview(config)
    assert done.returncode != 0
    sentence = "astro-dbt:agent.values.loggingSidecar.enabled keeps the chart's version 2.3.3 from rendering"
    assert sentence in " ".join((done.stdout + done.stderr).split())

    config = copy.deepcopy(good)
    mounts = [{"name": "nothing", "mountPath": "/x"}]
    config["agent"]["triggerer"] = {"values": {"volumeMounts": mounts}}
    stack.write(config)
    done = stack.pulumi("up", "--yes", "--skip-preview")
    assert done.returncode != 0
    sentence = "astro-dbt:agent.triggerer.values.volumeMounts leads to Deployment astro-agent-triggerer"
    assert sentence in " ".join((done.stdout + done.stderr).split())
    names = [item.metadata.name for item in stack.api().list_namespace().items if item.metadata]
    assert stack.namespace not in names, "nothing may be created"


def test_a_preview_of_a_good_stack_is_quiet(stack: Stack) -> None:
    image = {**stack.config["image"], "packages": ["astronomer-cosmos==1.15.1"]}
    agent = {**stack.config["agent"], "logs": {"sidecar": {"sinks": {"out": {"type": "console"}}}}}
    done = stack.preview({**stack.config, "agent": agent, "image": image, "preflight": {"timeout": 60}})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning: astro-dbt:" not in done.stdout + done.stderr
