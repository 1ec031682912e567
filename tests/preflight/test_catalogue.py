"""Every message of the catalogue, and a test that triggers each case."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from preflight.catalogue import CHECKS

CASES = [(check, case) for check, definition in CHECKS.items() for case in definition.cases]
STANDING_IN = {"setattr", "setitem", "patch", "probes", "Report", "Outcome"}
"""Names by which a test replaces a part of ours, or writes down what ours should have found."""


def _expected(source: str) -> Iterator[tuple[str, str]]:
    """(check, case) of every `expect` in tests that leave our code, and the tools that it calls, as they are."""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    unreal: set[str] = set()
    while more := {item.name for item in functions if _names(item) & (STANDING_IN | unreal)} - unreal:
        unreal |= more
    for function in functions:
        if function.name in unreal or not function.name.startswith("test_"):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "expect":
                check, case = node.args[1:3]
                if isinstance(check, ast.Constant) and isinstance(case, ast.Constant):
                    yield str(check.value), str(case.value)


def _names(function: ast.FunctionDef) -> set[str]:
    """Functions and methods that a function speaks of, and its arguments, which name fixtures."""
    body = [node for part in function.body for node in ast.walk(part)]
    used = {node.attr for node in body if isinstance(node, ast.Attribute)}
    used |= {node.id for node in body if isinstance(node, ast.Name)}
    used |= {node.arg for node in body if isinstance(node, ast.keyword) and node.arg}
    return used | {argument.arg for argument in function.args.args}


PRIVATE = r"\b(look|looks|looked|stands|lies|beside|of its own|somebody else|goes on|all the same|is no(?! longer)|made|told)\b"
"""Words that house style replaces by the terms of the field."""

SOURCES = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
TRIGGERED = {found for source in SOURCES for found in _expected(source)}


# Levels and time concern preflight itself, not an outside part that could be in some state.
@pytest.mark.parametrize(
    ("check", "case"), [(check, case) for check, case in CASES if not check.startswith("preflight.")]
)
def test_every_case_is_triggered_by_a_test_with_real_parts(check: str, case: str) -> None:
    assert (check, case) in TRIGGERED, (
        "bring a server, a cluster or a registry into that state, and expect the case"
    )


def test_every_case_that_is_expected_exists() -> None:
    assert set(CASES) >= TRIGGERED


def test_an_expectation_behind_a_replaced_function_does_not_count() -> None:
    direct = 'def test_a(p):\n    p.setattr(x, "y", 1)\n    expect(r, "c", "d", at="k")\n'
    helper = (
        'def h(p):\n    p.setattr(x, "y", 1)\ndef test_a(p):\n    h(p)\n    expect(r, "c", "d", at="k")\n'
    )
    probes = 'def test_a():\n    r = preflight.run(s, p, probes=[x])\n    expect(r, "c", "d", at="k")\n'
    written = 'def test_a():\n    r = Report((found,))\n    expect(r, "c", "d", at="k")\n'
    real = 'def test_a(p):\n    p.setenv("PATH", "")\n    expect(r, "c", "d", at="k")\n'
    assert [list(_expected(text)) for text in (direct, helper, probes, written)] == [[], [], [], []]
    assert list(_expected(real)) == [("c", "d")]


@pytest.mark.parametrize(("check", "case"), CASES)
def test_every_message_is_the_rest_of_one_sentence(check: str, case: str) -> None:
    definition = CHECKS[check].cases[case]
    assert definition.message[0].islower()
    assert not definition.message.endswith(".")
    assert "\n" not in definition.message
    assert ". " not in re.sub(r"`[^`]*`", "", definition.message)
    assert definition.severity == "info" or re.search(r"[;,] ", definition.message), "it must name a remedy"


@pytest.mark.parametrize(("check", "case"), CASES)
def test_every_message_is_in_standard_terms(check: str, case: str) -> None:
    assert not re.search(PRIVATE, CHECKS[check].cases[case].message)


def test_shared_helpers_replace_nothing() -> None:
    """What tests import cannot hide a replaced part from the rule above."""
    for name in ("conftest.py", "samples.py"):
        functions = ast.walk(ast.parse((Path(__file__).parent / name).read_text(encoding="utf-8")))
        used = [_names(item) & STANDING_IN for item in functions if isinstance(item, ast.FunctionDef)]
        assert not any(used), name
