"""What the agents' images install, from the stack or from labels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.image_labels import ImageContents, encode
from preflight.report import Report
from tests.preflight.conftest import expect, expect_nothing, report_of
from tests.preflight.samples import (
    TAG,
    image_levels,
)
from tests.support.oci_registry import TokenRegistry
from tests.support.stacks import stack, with_ready_image


def _ready(
    contents: ImageContents | None, *, workers: int = 0, is_index: bool = False, **changes: Any
) -> tuple[Report, list[str]]:
    """The findings of a stack with a ready image for everything (and each worker), and the paths that its registry was asked."""
    labels = encode(contents) if contents else {"org.opencontainers.image.title": "somebody's"}
    manifest = {"config": {"digest": "sha256:config"}}
    with TokenRegistry() as host:
        host.anonymous = True
        host.blobs["agent", "sha256:config"] = json.dumps({"config": {"Labels": labels}}).encode()
        host.describe("agent", "sha256:1" if is_index else "ours", manifest)
        if is_index:
            platforms = (
                {"os": "unknown", "architecture": "unknown"},
                {"os": "linux", "architecture": "arm64"},
            )
            entries = [
                {"platform": item, "digest": f"sha256:{number}"} for number, item in enumerate(platforms)
            ]
            host.describe("agent", "ours", {"manifests": entries})
        reference = f"{host.server}/agent:ours"
        agent: dict[str, Any] = {"image": reference}
        if workers:
            agent["workers"] = [{"name": f"w{number}", "image": reference} for number in range(workers)]
        config = {**with_ready_image(**agent), "preflight": image_levels(), **changes}
        return report_of(config), list(host.asked)


GOOD = ImageContents(
    f"agent:{TAG}", ("astronomer-cosmos==1.15.1",), ("dbt-core==1.11.16", "dbt-duckdb==1.11.1")
)


@pytest.mark.parametrize("is_index", [False, True])
def test_a_ready_image_of_this_program_is_known_by_its_labels(is_index: bool) -> None:
    report, _ = _ready(GOOD, is_index=is_index)
    expect_nothing(report)
    assert not [item for item in report.findings if item.check == "image.contents"]


def test_a_ready_image_without_labels_is_not_checked() -> None:
    report, _ = _ready(None)
    expect_nothing(report)
    expect(report, "image.contents", "unknown", at="agent.image", says="agent:ours")


def test_a_ready_image_is_not_read_when_its_contents_do_not_matter() -> None:
    levels = image_levels()
    levels["checks"]["image.contents"] = {"level": "off", "reason": "a bare image serves"}
    report, asked = _ready(replace(GOOD, packages=()), preflight=levels)
    expect_nothing(report)
    assert not [path for path in asked if "/blobs/" in path]


def test_the_labels_of_a_registry_that_hangs_are_asked_for_once() -> None:
    with TokenRegistry() as host:
        host.anonymous = True
        host.delay = 60
        references = [f"{host.server}/agent:{number}" for number in range(2)]
        agent = {"image": references[0], "workers": [{"name": "w", "image": references[1]}]}
        report = report_of({**with_ready_image(**agent), "preflight": image_levels(timeout=1)})
        assert sorted(path[-1] for path in host.asked) == ["0", "0", "1"]
    expect(report, "image.exists", "unverified", at="agent.workers[0].image")


def test_ready_images_without_cosmos() -> None:
    report, _ = _ready(replace(GOOD, packages=("apache-airflow-providers-git==1.0.1",)), workers=1)
    for at in ("agent.image", "agent.workers[0].image"):
        expect(report, "image.cosmos", "missing", at=at, says="where it is built")


def test_an_image_built_here_without_cosmos(tmp_path: Path) -> None:
    config = stack(preflight=image_levels())
    for spelling in ("astronomer_cosmos[dbt-duckdb]>=1.15", "Astronomer-Cosmos==1.15.1"):
        config["image"] |= {"packages": [spelling]}
        assert not [item for item in report_of(config).findings if item.check == "image.cosmos"]
    config["image"] |= {"packages": ["astronomer-cosmos-extras==1.0"]}
    expect(report_of(config), "image.cosmos", "missing", at="image.packages", says="unless the base image")
    (tmp_path / "client").mkdir()
    (tmp_path / "client/Dockerfile").write_text("FROM scratch\n")
    config["image"] = {**config["image"], "dockerfile": "client/Dockerfile", "packages": []}
    config["dbtProjects"][0].pop("source")
    assert not [item for item in report_of(config, root=tmp_path).findings if item.check == "image.cosmos"]


def test_a_ready_image_with_an_old_git_provider() -> None:
    packages = (*GOOD.packages, "apache-airflow-providers-git==0.5.0")
    report, _ = _ready(replace(GOOD, packages=packages))
    found = expect(
        report, "image.provider", "old", at="agent.image", says="git 0.5.0, which leaves the token"
    )
    assert "1.0.0 or later" in found.message
    fresh, _ = _ready(replace(GOOD, packages=(*GOOD.packages, "apache-airflow-providers-git==1.0.0")))
    expect_nothing(fresh)


NEWER = TAG.replace("3.12", "3.14")


def test_dbt_core_on_a_python_that_it_does_not_import_on() -> None:
    config = stack(preflight=image_levels())
    config["image"] |= {"base": f"images.example.com/agent:{NEWER}"}
    says = "dbt-core==1.11.16, which does not import on the Python 3.14"
    expect(report_of(config), "image.python", "refused", at="image.adapters", says=says)
    ready, _ = _ready(replace(GOOD, base=f"agent:{NEWER}"))
    expect(ready, "image.python", "refused", at="agent.image", says=says)


@pytest.mark.parametrize("requirement", ["dbt-core==1.12.0", "dbt-core", "dbt==2.0.9", "dbt-duckdb==1.10.0"])
def test_dbt_that_runs_on_any_python(requirement: str) -> None:
    report, _ = _ready(replace(GOOD, base=f"agent:{NEWER}", adapters=(requirement,)))
    expect_nothing(report)
