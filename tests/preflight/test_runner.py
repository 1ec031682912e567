"""The whole run: everything at once, bounded in time, whatever a probe does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import delivery
import preflight
from preflight.catalogue import CHECKS, FAMILIES
from preflight.catalogue.git_checks import GIT_REF
from preflight.catalogue.image_checks import IMAGE_RUNTIME
from preflight.context import Context
from preflight.report import Finding
from preflight.runner import PROBES, Probe
from tests.preflight.conftest import Trial, expect, expect_nothing, report_of
from tests.support.stacks import settings_of, stack


@pytest.mark.preflight
def test_a_good_stack_has_nothing_to_say(trial: Trial) -> None:
    agent = {**trial.config["agent"], "logs": {"sidecar": {"sinks": {"out": {"type": "console"}}}}}
    expect_nothing(report_of({**trial.config, "agent": agent, "preflight": {"timeout": 60}}))


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
    report = report_of(config)
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
        text = repr(report_of({**config, **changed}))
        assert token not in text
        assert password not in text
        assert config["agentToken"] not in text


def _run(*probes: Probe, level: str = "strict") -> preflight.Report:
    levels = {"level": level, "reason": "for this test", "timeout": 1}
    settings = settings_of(stack(preflight=levels))
    plan = delivery.plan(settings, authorities={})
    return preflight.run(settings, plan, project="astro-dbt", root=Path(), probes=probes)


MISSING = GIT_REF.missing("dags.ref", ref="x", url="u", near="y")


def test_a_probe_that_hangs_delays_no_other_and_keeps_what_it_found() -> None:
    release = threading.Event()

    def hang(_: Context) -> Iterator[Finding]:
        yield IMAGE_RUNTIME.bare("image")
        release.wait(60)

    begun = time.monotonic()
    probes = (Probe("the good", ("git",), lambda _: [MISSING]), Probe("the hanging", ("image",), hang))
    report = _run(*probes)
    release.set()
    assert time.monotonic() - begun < 20
    expect(report, "git.ref", "missing", at="dags.ref")
    expect(report, "image.runtime", "bare", at="image")
    expect(report, "preflight.time", "unfinished", at="preflight.timeout", says="the hanging")


def test_a_probe_that_fails_is_a_finding_without_a_traceback() -> None:
    def broken(_: Context) -> Iterator[Finding]:
        yield MISSING
        raise OSError(28, "No space left on device", "/tmp/canary-git-token\nsecond line")

    probe = Probe("the broken", ("git",), broken)
    report = _run(probe)
    finding = expect(
        report, "preflight.time", "broken", at="preflight.checks.git", says="No space left on device"
    )
    assert "set preflight.checks.git to off with a reason" in finding.message
    assert "canary-git-token" not in str(finding)
    expect(report, "git.ref", "missing", at="dags.ref")
    assert not _run(probe, level="warn").errors


@pytest.mark.parametrize(
    ("checks", "blamed"),
    [(("git", "dbt"), "git"), (("image.engine",), "image.engine"), (("image.base", "image.exists"), "image")],
)
def test_the_failure_of_a_probe_has_the_level_of_what_it_serves(checks: tuple[str, ...], blamed: str) -> None:
    assert Probe("x", checks, lambda _: ()).blamed == blamed


def test_every_probe_serves_checks_that_exist() -> None:
    served = {check for probe in PROBES for check in probe.checks}
    assert served <= {*CHECKS, *FAMILIES}
    assert {check.split(".")[0] for check in served} == FAMILIES - {"preflight"}
