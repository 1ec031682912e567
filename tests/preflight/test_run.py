"""The whole: everything at once, bounded in time, whatever a look does."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

import delivery
import preflight
from preflight import looks as looks_module
from preflight.looks import Look
from preflight.parallel import Task, together
from preflight.world import World
from tests.preflight.conftest import Trial, expect, expect_nothing, look
from tests.support.stacks import settings_of, stack


@pytest.mark.preflight
def test_a_good_stack_has_nothing_to_say(trial: Trial) -> None:
    agent = {**trial.config["agent"], "logs": {"sidecar": {"sinks": {"out": {"type": "console"}}}}}
    expect_nothing(look({**trial.config, "agent": agent, "preflight": {"timeout": 60}}))


@pytest.mark.preflight
def test_independent_mistakes_are_found_in_one_run(trial: Trial) -> None:
    config = {**trial.config, "preflight": {"timeout": 60}}
    config["dags"] = {**config["dags"], "subdir": "dgs"}
    config["dbtProjects"] = [{**config["dbtProjects"][0], "path": "dags/dbt/jafle"}]
    config["agent"] = {
        **config["agent"],
        "agentTokenSecret": "not-there",
        "chart": {**config["agent"]["chart"], "version": "2.3.9"},
        "sentinel": {"image": f"{trial.info.registry.server}/nothing:1"},
    }
    del config["agentToken"]
    report = look(config)
    assert {(item.check, item.case) for item in report.errors} == {
        ("git.subdir", "missing"),
        ("git.submodule", "missing"),
        ("cluster.secret", "no-namespace"),
        ("chart.version", "missing"),
        ("image.exists", "missing"),
    }
    with pytest.raises(preflight.PreflightError) as caught:
        report.raise_for_errors()
    assert len(str(caught.value).splitlines()) == 5
    assert all(
        line.startswith("astro-dbt:") and line.endswith(".") for line in str(caught.value).splitlines()
    )


@pytest.mark.preflight
def test_no_secret_of_the_stack_is_in_a_report(trial: Trial) -> None:
    config = {**trial.config, "delivery": "agent-image", "preflight": {"timeout": 60}}
    token, password = trial.info.git.token, trial.info.registry.password
    for changed in (
        {},
        {"credentials": {"git": {"password": token + "x"}}},
        {"registryPassword": password + "x"},
    ):
        text = repr(look({**config, **changed}))
        assert token not in text
        assert password not in text
        assert config["agentToken"] not in text


def _run(monkeypatch: pytest.MonkeyPatch, *looks: Look, level: str = "strict") -> preflight.Report:
    monkeypatch.setattr(looks_module, "LOOKS", looks)
    levels = {"level": level, "reason": "for this test", "timeout": 1}
    settings = settings_of(stack(preflight=levels))
    plan = delivery.plan(settings, authorities={})
    return preflight.run(settings, plan, project="astro-dbt", root=Path())


def test_a_look_that_hangs_does_not_hold_up_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def good(world: World) -> None:
        world.found("git.ref", "missing", at="dags.ref", ref="x", url="u", near="y")

    def hang(world: World) -> None:
        release.wait(60)

    begun = time.monotonic()
    looks = (Look("the good", ("git",), good), Look("the hanging", ("image",), hang))
    report = _run(monkeypatch, *looks)
    release.set()
    assert time.monotonic() - begun < 20
    expect(report, "git.ref", "missing", at="dags.ref")
    expect(report, "preflight.time", "unfinished", at="preflight.timeout", says="the hanging")


def test_a_look_that_breaks_is_said_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(world: World) -> None:
        raise RuntimeError("canary-git-token\nsecond line")

    look = Look("the broken", ("git",), broken)
    finding = expect(_run(monkeypatch, look), "preflight.time", "broken", at="preflight.checks.git")
    assert "canary-git-token" not in str(finding)
    assert not _run(monkeypatch, look, level="warn").errors


def test_what_several_looks_need_is_made_once() -> None:
    settings = settings_of()
    plan = delivery.plan(settings, authorities={})
    world = World(settings, plan, project="astro-dbt", stack=None, root=Path())
    made: list[int] = []

    def make() -> int:
        made.append(1)
        time.sleep(0.05)
        raise ValueError("as often as asked")

    def ask() -> None:
        world.shared("it", make)

    tasks = together([Task(str(number), ask) for number in range(5)], seconds=10)
    assert len(made) == 1
    assert all(isinstance(task.error, ValueError) for task in tasks)
