"""Links in the documentation lead somewhere, and every page can be reached from the start page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from settings.errors import known_keys
from settings.stack import Settings
from tests.support.repositories import tracked
from tests.support.stacks import ROOT

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _tracked() -> list[Path]:
    golden = ROOT / "tests" / "review" / "golden"
    return [ROOT / name for name in tracked("*.md") if golden not in (ROOT / name).parents]


PAGES = _tracked()


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub and GitLab make them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found = set()
    for title in re.findall(r"^#+ +(.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def links(page: Path) -> list[str]:
    """Targets of a page's links that are in this repository."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return [target for target in _LINK.findall(text) if not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


def test_every_page_is_reached_from_the_start_page() -> None:
    start = ROOT / "docs" / "README.md"
    reached, waiting = set(), [start]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = (
            (page.parent / target.partition("#")[0]).resolve() for target in links(page) if target[0] != "#"
        )
        waiting += [target for target in targets if target.suffix == ".md" and target.is_file()]
    assert {page for page in PAGES if page.parent == ROOT / "docs"} <= reached
    assert ROOT / "README.md" in reached


def test_the_readme_leads_to_the_start_page() -> None:
    assert "docs/README.md" in links(ROOT / "README.md")


def test_settings_that_a_page_names_exist() -> None:
    """Keys in the two pages that map what people know to settings."""
    top = known_keys(Settings, ())
    for name in ("by-hand.md", "troubleshooting.md"):
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        for key in re.findall(r"`([a-zA-Z]+(?:\.[\w<>]+|\[\])+)(?:: [\w-]+)?`", text):
            first, *rest = re.sub(r"\[\]", ".0", key).split(".")
            if first not in top or first in {"connections", "credentials"}:  # their keys are ids
                continue
            location: list[str | int] = [first]
            for part in rest:
                at = int(part) if part.isdigit() else part
                named = isinstance(at, int) or at.startswith("<")
                assert named or at in known_keys(Settings, location) or first == "credentials", (
                    f"{name}: {key}"
                )
                location.append(at)
