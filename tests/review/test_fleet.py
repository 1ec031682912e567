"""Choosing stacks, the bound on how many run at once, the combined report and its exit code."""

from __future__ import annotations

import threading
import time

import pytest
from pulumi import automation as auto

from review import Verdict, build, parse
from review.cli import fleet_exit_code, main
from review.engine import PulumiError
from review.fleet import Outcome, explain, render_fleet, run, select

NAMES = ["prod-eu", "prod-us", "staging"]


def outcome(name, verdict=None, applied="no", problem=None):
    review = build(parse('{"steps": [], "config": {}, "diagnostics": []}', stack=name)) if verdict else None
    if review is not None:
        object.__setattr__(review, "verdict", verdict)
    return Outcome(name, review, f"report of {name}\n", applied, problem)


def test_patterns_choose_names_once_and_sorted():
    assert select(NAMES, ["prod-*"]) == ["prod-eu", "prod-us"]
    assert select(NAMES, ["*", "prod-eu"]) == NAMES


def test_a_pattern_without_a_stack_is_an_error_that_lists_the_stacks():
    with pytest.raises(
        PulumiError, match=r"no stack matches dev-\*; existing stacks: prod-eu, prod-us and staging"
    ):
        select(NAMES, ["prod-*", "dev-*"])


@pytest.mark.parametrize("parallel", [1, 3])
def test_never_more_stacks_at_once_than_allowed_and_never_fewer_than_possible(parallel):
    running, most, lock = 0, 0, threading.Lock()

    def work(name):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return outcome(name, Verdict.SAFE)

    names = [f"s{number}" for number in range(9)]
    assert [item.stack for item in run(names, parallel=parallel, work=work)] == names
    assert most == parallel


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([outcome("a", Verdict.SAFE), outcome("b", Verdict.NOTHING)], 0),
        ([outcome("a", Verdict.REPLACES)], 3),
        ([outcome("a", Verdict.REPLACES, "held back", "look")], 3),
        ([outcome("a", Verdict.REPLACES), outcome("b", Verdict.FAILED)], 1),
        ([outcome("a", Verdict.SAFE, "failed", "no")], 1),
        ([outcome("a", problem="locked")], 1),
    ],
)
def test_exit_code_is_that_of_the_worst(outcomes, code):
    assert fleet_exit_code(outcomes, stop_on_replace=True) == code


def test_the_combined_report_has_the_worst_first_and_folds_the_rest():
    text = render_fleet(
        [outcome("a", Verdict.NOTHING), outcome("b", Verdict.SAFE), outcome("c", problem="it | broke")],
        title="prod-*",
        update=False,
    )
    rows = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert rows == ["c", "b", "a"]
    assert "3 stacks, 1 of them with a problem" in text
    assert "it &#124; broke" in text
    assert "<summary>b</summary>" in text
    assert "<summary>a</summary>" not in text


def test_a_lock_is_one_sentence():
    result = auto.CommandError.__new__(auto.ConcurrentUpdateError)
    assert explain(result, "prod") == (
        "the stack prod is being changed by another run, which holds its lock; wait until it finishes and run this "
        "again (after a killed run: `pulumi cancel --stack prod`)"
    )


def test_a_policy_that_stops_a_preview_is_named():
    text = "code: 255\nstdout: x\n[mandatory]  astro-dbt v1  pinned  (Release: agent)\nstderr: error: preview failed"
    assert (
        explain(Exception(text), "prod")
        == "the stack prod: [mandatory]  astro-dbt v1  pinned  (Release: agent)"
    )


def test_a_bound_of_zero_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["fleet", "preview", "--stacks", "*", "--parallel", "0"])
    assert "write 1 or more" in capsys.readouterr().err
