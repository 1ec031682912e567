"""Which files Git LFS keeps, held against Git's own reading of .gitattributes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.lfs import LfsRules, is_pointer
from tests.support.repositories import git

PATHS = ("a.csv", "seeds/a.csv", "seeds/deep/a.csv", "seeds/b.txt", "other/seeds/a.csv")
PATTERNS = ("*.csv", "/a.csv", "seeds/*.csv", "seeds/**", "**/seeds/*.csv", "seeds/**/a.csv", "a.*", "b.txt")
LINES = st.builds(
    lambda pattern, value: f"{pattern} {value}",
    st.sampled_from(PATTERNS),
    st.sampled_from(("filter=lfs -text", "-filter", "!filter", "filter=other", "text")),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(LINES, max_size=4), st.lists(LINES, max_size=3))
def test_rules_are_read_as_git_reads_them(root: list[str], seeds: list[str]) -> None:
    files = {".gitattributes": "\n".join(root), "seeds/.gitattributes": "\n".join(seeds)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        git("init", "--quiet", ".", cwd=folder)
        (folder / "seeds").mkdir()
        for path, text in files.items():
            (folder / path).write_text(text + "\n", encoding="utf-8")
        told = git("check-attr", "filter", "--", *PATHS, cwd=folder).splitlines()
    rules = LfsRules({path: text.encode() for path, text in files.items()})
    assert [rules.covers(path) for path in PATHS] == [line.endswith(": lfs") for line in told]


def test_pointers() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5\n"
    assert is_pointer(pointer)
    assert not is_pointer(pointer + b"x" * 1024)
    assert not is_pointer(b"a,b\n")
