"""Levels: what is strict, what warns, what is not checked, and that a reviewer sees it."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from preflight.catalogue import CHECKS, FAMILIES
from tests.preflight.conftest import GitStack, expect, only, report_of
from tests.support.stacks import stack


def test_everything_off_makes_no_network_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a request was sent although everything is off")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("subprocess.Popen", refuse)
    for delivery in ("git-submodule", "agent-image"):
        report = report_of(stack(delivery=delivery, preflight={"level": "off", "reason": "on a train"}))
        finding = expect(report, "preflight.level", "off", at="preflight.level", says="on a train")
        assert report.findings == (finding,)


def test_every_family_off_makes_no_network_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a request was sent although everything is off")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("subprocess.Popen", refuse)
    report = report_of(stack(delivery="agent-image", preflight={"checks": only()}))
    assert {item.check for item in report.findings} == {"preflight.level"}


def test_a_lowered_level_turns_errors_into_warnings(git_stack: GitStack) -> None:
    for name in ("git", "git.ref"):
        checks = only("git") | {name: {"level": "warn", "reason": "the branch comes tomorrow"}}
        report = git_stack.report(dags={"ref": "mian"}, preflight={"checks": checks})
        assert not report.errors
        assert [item.check for item in report.warnings if item.check != "preflight.level"] == ["git.ref"]
        expect(report, "preflight.level", "warn", at=f"preflight.checks.{name}", says="comes tomorrow")


def test_the_more_special_level_wins(git_stack: GitStack) -> None:
    checks = only("git") | {
        "git": {"level": "warn", "reason": "all of it"},
        "git.ref": {"level": "strict", "reason": "but this"},
    }
    assert git_stack.report(dags={"ref": "mian"}, preflight={"checks": checks}).errors
    checks["git.ref"] = {"level": "off", "reason": "not this"}
    report = git_stack.report(dags={"ref": "mian"}, preflight={"checks": checks})
    assert "git.ref" not in {item.check for item in report.findings}


def test_a_level_without_reason() -> None:
    report = report_of(stack(preflight={"level": "off"}))
    expect(report, "preflight.level", "unexplained", at="preflight.level", says="write preflight.reason")


@pytest.mark.parametrize(
    ("name", "near"), [("git.rev", "git.ref"), ("clustr", "cluster"), ("preflight", "git")]
)
def test_a_check_that_does_not_exist(name: str, near: str) -> None:
    checks = only() | {name: {"level": "off", "reason": "a typing error"}}
    expect(
        report_of(stack(preflight={"checks": checks})),
        "preflight.level",
        "unknown",
        at=f"preflight.checks.{name}",
        says=near,
    )


def test_families_are_the_first_parts_of_ids() -> None:
    assert {"preflight", "git", "dbt", "cluster", "chart", "agent", "image"} == FAMILIES
    assert all(name.count(".") == 1 for name in CHECKS)
