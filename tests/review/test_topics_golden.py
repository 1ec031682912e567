"""One report per topic of the settings, from the values that the program sends and the findings of preflight.

Set UPDATE_GOLDEN=1 to write the golden files anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import delivery
from delivery.chart_values import chart_values
from delivery.mirror import copies, with_copies
from domain.names import IMAGE_TYPE
from preflight.report import ProjectFacts, Report
from review import Facts, build, parse, render
from review.model import Notice
from settings.stack import Settings
from tests.preflight.conftest import only, report_of
from tests.review.previews import SECRET, digest, release, step
from tests.support import foreign_chart
from tests.support.stacks import settings_of, stack, with_agent

GOLDEN = Path(__file__).parent / "golden"
RUNTIME, DELIVERED, COPIED = (f"registry.example.com/data/client@sha256:{letter * 64}" for letter in "123")
BASE = "images.astronomer.cloud/baseimages/astro-remote-execution-agent:3.1-3-python-3.12-astro-agent-1.2.0"


def values(settings: Settings, image: str = RUNTIME) -> dict[str, Any]:
    return chart_values(settings, delivery.plan(settings, authorities={}), image=image)


def notices(report: Report, check: str) -> tuple[Notice, ...]:
    found = [item for item in report.findings if item.check == check]
    return tuple(Notice(item.severity, item.key, item.message) for item in found)


def report_on(steps: Sequence[Mapping[str, Any]], facts: Facts, **config: Any) -> str:
    return render(build(parse(digest(*steps, **config)), facts))


def image_steps(*, dags: str | None = None, base: str | None = None) -> list[dict[str, Any]]:
    """Updates of the image with the projects: other content, or another base of what is below it."""
    sides = [
        {"build": {"contextDigest": text}, "imageName": f"r/client:{text}"} for text in ("a", dags or "a")
    ]
    if base:
        sides = [
            {"build": {"args": {"BASE_IMAGE": text}}, "imageName": "r/client:a"} for text in (BASE, base)
        ]
    return [step(IMAGE_TYPE, "client" if dags else "runtime", "update", *sides)]


def chart_of_others() -> str:
    """Keys that only the package has, and one that it does not show, with the reason for it."""
    unknown = {"rackAware": "our fork reads it from the release's values"}
    worker = {
        "name": "default-worker",
        "values": {**foreign_chart.FURTHER, "rackAware": True},
        "unknownValues": unknown,
    }
    with foreign_chart.served() as chart:
        config = with_agent(chart=chart, workers=[worker], values={"beacon": {"enabled": True}})
        found = report_of({**config, "preflight": {"checks": only("chart"), "timeout": 30}})
    assert found.errors == ()
    sides = [values(settings_of(config)) for config in (with_agent(), config)]
    change = release(*sides)
    change["oldState"]["inputs"]["version"], change["newState"]["inputs"]["version"] = "2.3.3", "2.9.0"
    reasons = tuple(item for item in notices(found, "chart.values") if item.severity == "info")
    return report_on([change], Facts(findings=reasons))


def baked_dags() -> str:
    """Dags that were fetched come in the image from now on."""
    config = stack(delivery="agent-image")
    baked = {**config, "dags": {**config["dags"], "source": "repository"}}
    sides = (values(settings_of(config)), values(settings_of(baked), DELIVERED))
    outputs = {"delivery": "agent-image", "dagBundles": {"dags": {"commit": "1" * 40, "baked": False}}}
    facts = Facts(bundles={"dags": "1" * 40})
    return report_on(
        [*image_steps(dags="b"), release(*sides)],
        facts,
        outputs=outputs,
        delivery="agent-image",
        dags=json.dumps(baked["dags"]),
    )


def moved_dags() -> str:
    """The Dags in the image move to another commit."""
    config = stack(delivery="agent-image")
    baked = settings_of({**config, "dags": {**config["dags"], "source": "repository"}})
    outputs = {"delivery": "agent-image", "dagBundles": {"dags": {"commit": "1" * 40, "baked": True}}}
    facts = Facts(bundles={"dags": "2" * 40})
    sides = (values(baked), values(baked, DELIVERED))
    return report_on(
        [*image_steps(dags="b"), release(*sides)], facts, outputs=outputs, delivery="agent-image"
    )


def moved_bundles() -> str:
    """Two Dag repositories have other commits than at the last update, and one dbt project moves with them."""
    dags = {"name": "dags", "repo": "https://git.example.com/platform/dags.git"}
    finance = {"name": "finance", "repo": "https://git.example.com/finance/dags.git", "refreshInterval": 900}
    projects = [{"name": name, "bundle": "dags"} for name in ("churn", "jaffle")]
    outputs = {
        "delivery": "git-submodule",
        "dagBundles": {
            item["name"]: {"repository": item["repo"], "ref": "main", "commit": "1" * 40, "baked": False}
            for item in (dags, finance)
        },
        "dbtProjects": {item["name"]: {"commit": "3" * 40} for item in projects},
    }
    facts = Facts(
        bundles={"dags": "2" * 40, "finance": "2" * 40},
        projects={
            "churn": ProjectFacts("https://git.example.com/a/churn.git", "3" * 40, 0, "churn"),
            "jaffle": ProjectFacts("https://git.example.com/a/jaffle.git", "4" * 40, 0, "jaffle"),
        },
    )
    return report_on(
        [], facts, outputs=outputs, dags=json.dumps([dags, finance]), dbtProjects=json.dumps(projects)
    )


def mirrored_images() -> str:
    """Base and sentinel are copied into the stack's registry."""
    plain = stack()
    plain["image"]["base"] = BASE
    asked = settings_of({**plain, "mirror": {"repository": "registry.example.com/mirror"}})
    copied = {item.name: item.reference(f"sha256:{'c' * 64}") for item in copies(asked)}
    sides = (values(settings_of(plain)), values(with_copies(asked, copied), COPIED))
    return report_on([*image_steps(base=copied["base"]), release(*sides)], Facts())


def another_pull_login() -> str:
    """The cluster pulls with a separate login, and no Pod is affected."""
    metadata = {"name": "astro-agent-image-pull"}
    sides = [
        {
            "metadata": metadata,
            "stringData": {".dockerconfigjson": text},
            "type": "kubernetes.io/dockerconfigjson",
        }
        for text in ("[secret]", "[secret, too]")
    ]
    change = step(
        SECRET, "agent-image-pull", "update", *sides, detailedDiff={"stringData": {"kind": "update"}}
    )
    return report_on([change], Facts())


@pytest.mark.parametrize(
    "topic",
    [chart_of_others, baked_dags, moved_dags, moved_bundles, mirrored_images, another_pull_login],
    ids=lambda topic: topic.__name__,
)
def test_the_report_on(topic: Any) -> None:
    golden = GOLDEN / f"{topic.__name__.replace('_', '-')}.md"
    text = topic()
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    assert "canary" not in text
