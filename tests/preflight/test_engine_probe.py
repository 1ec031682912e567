"""The Docker engine that builds the image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.preflight.conftest import Trial, expect, expect_nothing, only, report_of
from tests.preflight.samples import (
    image_config,
)
from tests.support.http_server import Answer, HttpServer, Request
from tests.support.stacks import with_ready_image

IMAGE = ("image.base", "image.registry", "image.exists", "image.platform")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    """A socket that answers as a Docker engine does."""
    path = tmp_path / "e.sock"
    with HttpServer(_ping, socket=path):
        yield f"unix://{path}"


def _ping(request: Request) -> Answer:
    assert request.path == "/_ping"
    return 200, b"OK", {}


def _engine_report(engine: str | None, *, delivery: str = "agent-image") -> Any:
    config = image_config("images.example.com/agent:1", "registry.example.com/data/client", delivery=delivery)
    if engine:
        config["image"]["engine"] = engine
    checks = only("image") | {name: {"level": "off", "reason": "not part of this test"} for name in IMAGE}
    config["preflight"] = {"checks": checks, "timeout": 2}
    return report_of(config)


def test_an_engine_that_answers(engine: str) -> None:
    expect_nothing(_engine_report(engine))


@pytest.mark.preflight
def test_the_trials_own_engine_answers(trial: Trial) -> None:
    assert trial.info.docker_host is not None
    expect_nothing(_engine_report(trial.info.docker_host))


def test_the_engine_of_the_surroundings(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine)
    expect_nothing(_engine_report(None))


def test_an_engine_that_is_not_there(tmp_path: Path) -> None:
    report = _engine_report(f"unix://{tmp_path}/none.sock")
    expect(report, "image.engine", "unreachable", at="image.engine", says="No such file")


def test_both_options_build_and_need_an_engine(tmp_path: Path) -> None:
    for option in ("git-submodule", "agent-image"):
        report = _engine_report(f"unix://{tmp_path}/none.sock", delivery=option)
        expect(report, "image.engine", "unreachable", at="image.engine", says="none.sock")


def test_a_stack_with_a_ready_image_needs_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    config = with_ready_image(image="127.0.0.1:1/agent:1")
    expect_nothing(report_of({**config, "preflight": {"checks": only("image.engine")}}))


def test_an_engine_that_cannot_be_checked() -> None:
    report = _engine_report("npipe:////./pipe/docker_engine")
    expect(report, "image.engine", "unverified", at="image.engine", says="npipe")
