"""Git's configuration in environment variables, as Git itself reads it."""

from __future__ import annotations

import os
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from domain.git_variables import git_entries, git_variables

ENTRIES = [
    ("safe.directory", "*"),
    ("url.https://a/.insteadOf", "git@a:"),
    ("url.https://a/.insteadOf", "ssh://a/"),
]


@given(st.lists(st.tuples(st.text(), st.text())))
def test_what_is_written_is_read_again(entries: list[tuple[str, str]]) -> None:
    assert git_entries(dict(git_variables(entries))) == entries


def test_an_environment_without_them_has_no_entries() -> None:
    assert git_entries({"PATH": "/bin"}) == []


def test_git_reads_them_in_order_and_the_same_key_twice() -> None:
    done = subprocess.run(
        ["git", "config", "--list", "--show-origin"],
        env={"PATH": os.environ["PATH"], **dict(git_variables(ENTRIES))},
        capture_output=True,
        text=True,
        check=True,
    )
    found = [line.partition("\t")[2] for line in done.stdout.splitlines() if line.startswith("command line:")]
    assert found == [
        "safe.directory=*",
        "url.https://a/.insteadof=git@a:",
        "url.https://a/.insteadof=ssh://a/",
    ]
