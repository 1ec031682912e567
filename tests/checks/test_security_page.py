"""Every claim of docs/security.md names tests that fail without it, and those exist."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support.stacks import ROOT

_PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
_TABLES = re.findall(r"^\| claim \| tests \|\n\|---\|---\|\n((?:\|.*\|\n)+)", _PAGE, re.MULTILINE)
_ROWS = re.findall(r"^\| (.+?) \| (.+) \|$", "".join(_TABLES), re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
CLAIMS = dict(_ROWS)
TESTS = sorted(set(_TEST.findall(_PAGE)))


def test_there_are_claims():
    assert len(CLAIMS) == len(_ROWS) > 20
    assert len(_TABLES) == _PAGE.count("| claim |") > 5


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_names_tests_and_nothing_else(claim):
    assert _TEST.findall(CLAIMS[claim])
    assert not _TEST.sub("", CLAIMS[claim]).replace(",", "").strip()


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_the_named_tests_exist(file, name):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
