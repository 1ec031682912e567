"""Which files Git LFS keeps, held against Git in a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.git import Access, Session
from clients.git.attributes import in_lfs
from tests.support.repositories import git

PATHS = (
    "raw.csv",
    "seeds/a b.csv",
    "seeds/sub/x.csv",
    "seeds/X.CSV",
    "seeds/ü.csv",
    "seeds/[x].csv",
    "data/seeds/raw.csv",
)
FILES = {
    "a pattern": {"": "*.csv filter=lfs diff=lfs merge=lfs -text\n"},
    "a folder alone": {"": "seeds/ filter=lfs\n"},
    "all in a folder": {"": "seeds/** filter=lfs\n"},
    "quoted": {"": '"seeds/a b.csv" filter=lfs\n'},
    "quoted in octal": {"": '"seeds/\\303\\274.csv" filter=lfs\n'},
    "a class": {"": "seeds/[!rX]*.csv filter=lfs\n"},
    "escaped": {"": "seeds/\\[x\\].csv filter=lfs\n"},
    "a macro": {"": "[attr]big filter=lfs\n*.csv big\nraw.csv -big\n"},
    "line ends of Windows": {"": "*.csv filter=lfs -text\r\nraw.csv -filter\r\n"},
    "a byte order mark": {"": "\ufeff*.csv filter=lfs\n"},
    "a separator that is none": {"": "*.csv filter=lfs\x0bx\n"},
    "unset": {"": "*.csv filter=lfs\nraw.csv !filter\n", "seeds": "*.CSV filter=lfs\nsub/*.csv -filter\n"},
    "nothing of LFS": {"": "*.csv text\n"},
}


@pytest.mark.parametrize("case", FILES)
def test_lfs_pointers_are_those_that_git_takes_for_them(tmp_path: Path, case: str) -> None:
    git("init", "--quiet", ".", cwd=tmp_path)
    attributes = {
        f"{folder}/.gitattributes".lstrip("/"): text.encode() for folder, text in FILES[case].items()
    }
    for path, content in attributes.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    found = git("check-attr", "-z", "filter", "--", *PATHS, cwd=tmp_path).split("\0")
    expected = [path for path, value in zip(found[::3], found[2::3], strict=False) if value == "lfs"]
    with Session(Access(), timeout=30) as session:
        assert in_lfs(session, attributes, PATHS) == expected


def test_a_commit_cannot_make_it_write_elsewhere(tmp_path: Path) -> None:
    hostile = {
        f"../{tmp_path.name}/.gitattributes": b"* filter=lfs\n",
        ".git/info/attributes": b"* filter=lfs\n",
    }
    with Session(Access(), timeout=30) as session:
        assert in_lfs(session, hostile, ["raw.csv"]) == []
    assert not list(tmp_path.iterdir())
