"""Labels of the agents' image."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.image_labels import ImageContents, decode, encode, instructions

TEXTS = st.lists(
    st.text(max_size=20) | st.sampled_from(["${HOME}", 'a"b', "\\", "a\nb", "x; y == 'z'"]), max_size=4
)
CONTENTS = st.builds(ImageContents, st.text(max_size=20), TEXTS.map(tuple), TEXTS.map(tuple))


def read_by_docker(line: str) -> tuple[str, str]:
    """A LABEL with double quotes as Docker's frontend reads it (moby/buildkit, frontend/dockerfile/shell/lex.go)."""
    found = re.fullmatch(r'LABEL ([a-z.-]+)="((?:[^"\\$]|\\["\\$])*)"', line)
    assert found, f"expands, ends early or keeps a backslash: {line}"
    return found[1], re.sub(r'\\(["\\$])', r"\1", found[2])


@given(CONTENTS)
def test_a_dockerfile_carries_any_contents_unchanged(contents):
    text = instructions(encode(contents))
    lines = text.split("\n")
    assert lines.pop() == ""
    assert all(line.isascii() and line.isprintable() for line in lines)
    assert decode(dict(map(read_by_docker, lines))) == contents


@pytest.mark.parametrize(
    "changed",
    [
        {"io.astro-dbt.packages": "not JSON"},
        {"io.astro-dbt.packages": "[1]"},
        {"io.astro-dbt.adapters": '"dbt-core"'},
        {"io.astro-dbt.base": "[]"},
    ],
)
def test_labels_that_another_tool_wrote_say_nothing(changed):
    labels = encode(ImageContents("base:1", (), ()))
    assert decode(labels) is not None
    assert decode(labels | changed) is None
    assert decode({}) is None
