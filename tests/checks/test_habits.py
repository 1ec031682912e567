"""What every repository is expected to have, and that it says what is true here."""

from __future__ import annotations

import re
import tomllib

from tests.support.repositories import tracked
from tests.support.stacks import ROOT


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_licence_is_named_as_spdx_names_it() -> None:
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    assert project["license"] == "Apache-2.0"
    (file,) = project["license-files"]
    assert "Apache License\n                           Version 2.0, January 2004" in _text(file)


def test_the_changelog_has_the_newest_version_and_its_three_parts() -> None:
    text = _text("CHANGELOG.md")
    version = tomllib.loads(_text("pyproject.toml"))["project"]["version"]
    assert re.search(rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", text, re.MULTILINE)
    unreleased = text.partition("## Unreleased")[2].partition("\n## ")[0]
    assert re.findall(r"^### (\w+)$", unreleased, re.MULTILINE) == ["Added", "Changed", "Fixed"]


def test_contributing_names_commands_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", _text("Makefile"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", _text("CONTRIBUTING.md")))
    assert named <= targets
    assert {"check", "test", "docs", "lint"} <= named


def test_contributing_says_where_the_code_of_every_package_goes() -> None:
    folders = {name.split("/")[0] for name in tracked("*/*.py")}
    section = _text("CONTRIBUTING.md").partition("## Where things are")[2]
    product = folders - {"tests", "bench", "examples", "trial", ".ci"}
    assert not {name for name in product if f"`{name}/" not in section}
