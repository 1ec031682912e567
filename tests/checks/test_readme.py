"""README's listing of the code is the listing of the folder."""

from __future__ import annotations

import re
import subprocess

from tests.support.stacks import ROOT


def test_the_listing_names_every_folder_and_nothing_else() -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## The code\n")[2]
    listed = re.findall(r"^(\S+) {2,}\S", section.split("```")[1], re.MULTILINE)
    tracked = subprocess.run(
        ["git", "ls-tree", "-d", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert sorted(listed) == sorted(["__main__.py", *(f"{name}/" for name in tracked)])
