"""What `make up` says at its end is true of this trial, and its commands fit it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from trial.summary import summary


def printed(**changes: object) -> str:
    info = {
        "node": "kwok", "registry": SimpleNamespace(server="127.0.0.1:1"), "git": SimpleNamespace(url="https://g"),
        "chart_repository": "http://c", "docker_host": "unix:///d",
        "pulumi": SimpleNamespace(plugins={"kubernetes": "official", "docker": "stand-in"}),
    } | changes  # fmt: skip
    outputs = {
        "delivery": "git-submodule",
        "namespace": "n",
        "image": "r/i@sha256:0",
        "release": {"name": "a"},
    }
    environment = SimpleNamespace(info=lambda: SimpleNamespace(**info))
    pulumi = SimpleNamespace(output=lambda _: json.dumps(outputs))
    return summary(environment, pulumi)  # type: ignore[arg-type]


def test_the_image_is_the_one_that_pods_run_and_plugins_are_distinguished() -> None:
    text = printed()
    assert "r/i@sha256:0 (what the agents' Pods run)" in text
    assert "kubernetes 4.25.0 (official)" in text
    assert "docker 5.1.0 (stand-in)" in text


@pytest.mark.parametrize(("engine", "offered"), [("unix:///d", True), (None, False)])
def test_the_other_option_is_offered_where_it_works(engine: str | None, offered: bool) -> None:
    line = "pulumi config set delivery agent-image --stack dev && pulumi up --stack dev"
    assert (line in printed(docker_host=engine)) is offered
