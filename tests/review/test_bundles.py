"""The report when a stack gets another Dag bundle, from the values that the program sends."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import delivery
from delivery.chart_values import chart_values
from review import render
from tests.review.previews import release, review
from tests.support.stacks import settings_of, stack

GOLDEN = Path(__file__).parent / "golden" / "another-bundle.md"


def values(config: dict[str, Any]) -> dict[str, Any]:
    settings = settings_of(config)
    return chart_values(settings, delivery.plan(settings, authorities={}), image="r/x@sha256:1")


def test_report_names_what_changes_per_bundle() -> None:
    one = stack()
    dags = {**one["dags"], "name": "dags", "refreshInterval": 60}
    finance = {"name": "finance", "repo": "https://git.example.com/finance/dags.git", "connection": "git"}
    several = stack(dags=[dags, finance], dbtProjects=[{**one["dbtProjects"][0], "bundle": "dags"}])
    text = render(
        review(
            release(values(one), values(several)),
            delivery="git-submodule",
            dags=json.dumps(several["dags"]),
            outputs={"delivery": "git-submodule"},
        )
    )
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")
    assert "adding Dag bundle `finance`" in text
    assert "submodules" not in text
    assert "canary" not in text
