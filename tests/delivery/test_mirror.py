"""Which images are copied, and what then uses the copies."""

from __future__ import annotations

from typing import Any

import delivery
from delivery.chart_values import chart_values
from delivery.contradictions import contradicting_values
from delivery.mirror import copies, with_copies
from settings.stack import Settings
from tests.support.stacks import settings_of, with_agent, with_ready_image

TAG = "3.1-3-python-3.12-astro-agent-1.2.0"
VENDOR = "images.astronomer.cloud/baseimages"
DIGEST = "sha256:" + "a" * 64


def made(base: str, *, mirror: dict[str, Any] | None = None, **agent: Any) -> Settings:
    config = with_agent(**agent)
    config["image"]["base"] = base
    config["mirror"] = {"repository": "registry.example.com/mirror", **(mirror or {})}
    return settings_of(config)


def pairs(settings: Settings) -> list[tuple[str, str]]:
    return [(item.source, f"{item.repository}:{item.tag}") for item in copies(settings)]


def test_the_sentinel_is_next_to_the_agent_and_has_its_version() -> None:
    for folder in (VENDOR, "eu.example.com:5000/astro"):
        base = f"{folder}/astro-remote-execution-agent:{TAG}"
        assert pairs(made(base)) == [
            (base, f"registry.example.com/mirror/astro-remote-execution-agent:{TAG}"),
            (
                f"{folder}/astro-remote-execution-sentinel:1.2.0",
                "registry.example.com/mirror/astro-remote-execution-sentinel:1.2.0",
            ),
        ]


def test_an_agent_under_another_name_has_the_vendors_sentinel() -> None:
    found = pairs(made(f"registry.example.com/data/agent:{TAG}"))
    assert found[1][0] == f"{VENDOR}/astro-remote-execution-sentinel:1.2.0"


def test_each_copy_can_be_left_out() -> None:
    base = f"{VENDOR}/astro-remote-execution-agent:{TAG}"
    assert [item.name for item in copies(made(base, mirror={"base": False}))] == ["sentinel"]
    assert [item.name for item in copies(made(base, mirror={"sentinel": False}))] == ["base"]
    assert [item.name for item in copies(made(base, sentinel={"enabled": False}))] == ["base"]
    assert [item.name for item in copies(made(base, chart={"version": "1.0.2"}))] == ["base"]
    assert not list(copies(settings_of()))


def test_a_source_by_digest_has_a_tag_all_the_same() -> None:
    (item,) = copies(made(f"images.example.com/agent@{DIGEST}", mirror={"sentinel": False}))
    assert (item.repository, item.tag) == ("registry.example.com/mirror/agent", DIGEST.replace(":", "-"))
    assert item.reference(DIGEST) == f"registry.example.com/mirror/agent:{DIGEST.replace(':', '-')}@{DIGEST}"


def test_builds_and_the_sentinel_use_the_copies() -> None:
    settings = made(f"{VENDOR}/astro-remote-execution-agent:{TAG}")
    references = {item.name: item.reference(DIGEST) for item in copies(settings)}
    copied = with_copies(settings, references)
    plan = delivery.plan(copied, authorities={})
    assert plan.runtime is not None
    assert plan.runtime.base == references["base"]
    assert plan.runtime.arguments["BASE_IMAGE"] == references["base"]
    values = chart_values(copied, plan, image="r/x@sha256:1")
    assert values["sentinel"]["image"] == references["sentinel"]
    assert not list(contradicting_values(copied, plan))


def test_agents_run_the_copy_of_a_ready_image() -> None:
    config = with_ready_image(image=f"images.example.com/ready:{TAG}")
    config["mirror"] = {"repository": "registry.example.com/mirror"}
    settings = settings_of(config)
    (base, _) = copies(settings)
    assert base.at == "agent.image"
    assert with_copies(settings, {"base": base.reference(DIGEST)}).agent.image == base.reference(DIGEST)
