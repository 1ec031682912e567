"""Which file of levels applies to a stack."""

from __future__ import annotations

import pytest

from policy.levels import levels_for
from tests.support.stacks import ROOT


@pytest.mark.parametrize(
    ("stack", "name"),
    [
        ("prod", "prod.json"),
        ("prod-eu", "prod.json"),
        ("prod-eu-west", "prod-eu.json"),
        ("production", "default.json"),
        ("dev", "default.json"),
    ],
)
def test_the_longest_name_wins(tmp_path, stack, name):
    (tmp_path / "levels").mkdir()
    for file in ("prod.json", "prod-eu.json", "default.json"):
        (tmp_path / "levels" / file).write_text("{}")
    found = levels_for(tmp_path, stack)
    assert found is not None
    assert found.name == ("prod-eu.json" if stack == "prod-eu" else name)


def test_no_file_at_all(tmp_path):
    assert levels_for(tmp_path, "prod") is None


def test_the_packs_own_files():
    assert {str(levels_for(ROOT / "policy", name)).rpartition("/")[2] for name in ("prod", "dev", "x")} == {
        "prod.json",
        "dev.json",
        "default.json",
    }
