"""The sections on objects of one upgrade, from both stand-in charts as a real Helm renders them.

Set UPDATE_GOLDEN=1 to write the golden file anew.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

from preflight.report import ReleaseObjects, identity
from review.objects import objects_report
from review.objects_markdown import changes, edited
from tests.support.helm_chart import render_stack
from tests.support.stacks import ROOT, with_agent

GOLDEN = ROOT / "tests/review/golden/objects.md"
WORKERS = [
    {"name": "w", "replicas": 2},
    {"name": "dbt", "queues": ["dbt"], "autoscaling": {"maxReplicas": 3}},
]


def by_hand(document: dict[str, Any]) -> dict[str, Any]:
    """The object as the cluster has it, with an image and a number of replicas that somebody set by hand."""
    there = copy.deepcopy(document)
    if document["kind"] == "Deployment":
        there["spec"]["progressDeadlineSeconds"] = 600
        there["spec"]["replicas"] = 7
        there["metadata"]["managedFields"] = [
            {
                "manager": "kubectl",
                "subresource": "scale",
                "time": "2026-01-01T00:00:00Z",
                "fieldsV1": {"f:spec": {"f:replicas": {}}},
            }
        ]
    if document["metadata"]["name"] == "astro-agent-triggerer" and document["kind"] == "Deployment":
        there["spec"]["template"]["spec"]["containers"][0]["image"] = "r.example.com/a:by-hand"
    return there


def test_the_upgrade_of_a_chart_object_by_object(helm_program: Path, tmp_path: Path) -> None:
    before, after = (
        list(render_stack(helm_program, tmp_path, with_agent(chart={"version": version}, workers=WORKERS)))
        for version in ("1.0.2", "2.3.3")
    )
    live: dict[Any, Any] = {identity(item): by_hand(item) for item in before}
    live[next(key for key in live if key[1] == "ServiceAccount")] = None
    report = objects_report(ReleaseObjects(tuple(after), tuple(before), live), updated=True)
    text = (
        "\n".join(
            ["### Edited outside this stack", "", *edited(report), "", "### Objects", "", *changes(report)]
        )
        + "\n"
    )
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")
    assert "worker-dbt`:" not in text.partition("### Objects")[0], "an autoscaler sets its replicas"
    assert len(text) < 20_000
