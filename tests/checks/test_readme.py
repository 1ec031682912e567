"""README's listing of the code is the listing of the folder."""

from __future__ import annotations

import re

from tests.support.repositories import tracked
from tests.support.stacks import ROOT


def test_the_listing_names_every_folder_and_nothing_else() -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## The code\n")[2]
    listed = re.findall(r"^(\S+) {2,}\S", section.split("```")[1], re.MULTILINE)
    folders = {f"{name.split('/')[0]}/" for name in tracked("*/*")}
    assert sorted(listed) == sorted(["__main__.py", *folders])
