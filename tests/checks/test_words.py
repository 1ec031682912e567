"""Phrases that the project does not use, in docs, messages, docstrings and comments; each has a standard form."""

from __future__ import annotations

import re

import pytest

from tests.support.repositories import tracked
from tests.support.stacks import ROOT

INSTEAD = {
    r"\bin clear\b": "in plain text",
    r"\bsomebody else": "not managed by this stack; another program, user or run",
    r"\bof (its|their|your|one's) own(?=[.,;:)|`'\"]|$| (and|or|that|which|called)\b)": "separate; another; its own …",
    r"\bby SSH\b": "over SSH",
    r"\b(stands?|lies) beside\b": "is next to; is set, and so is …",
    r"\bgoes on\b": "continues; keeps running",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bthe look\b": "the check",
    r"\bletter by letter\b": "character by character",
    r"\blower case\b": "lowercase",
}
"""Pattern -> what to write."""


LISTS = {"tests/checks/test_words.py", "tests/preflight/test_catalogue.py"}


def texts() -> list[str]:
    """Docs and source files, except those that list such phrases."""
    listed = tracked("*.md", "*.py", "Makefile", ".github", ".gitlab-ci.yml")
    return [name for name in listed if name not in LISTS and (ROOT / name).exists()]


@pytest.mark.parametrize("pattern", INSTEAD)
def test_phrases_that_do_not_come_back(pattern):
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in texts()
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1)
        if re.search(pattern, line, re.IGNORECASE)
    ]
    assert not found, f"write {INSTEAD[pattern]}: {found}"
