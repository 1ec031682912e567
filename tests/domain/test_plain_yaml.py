"""Files that PyYAML cannot read, each with one error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.plain_yaml import PlainYamlError, load

HOSTILE = [
    "a: 2026-13-45",
    "a: 9999-99-99 25:61:61",
    "a: 2026-01-01T00:00:00+99:99",
    "a: !!timestamp x",
    "a: !!int ''",
    "a: !!bool x",
    "a: !unknown x",
    "? [a]\n: b",
    "a: " + "[" * 3000,
    "a: \x07",
    "a: [",
    b"a: \xff",
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_one_error_whatever_is_wrong(content: bytes | str) -> None:
    with pytest.raises(PlainYamlError):
        load(content)


@given(st.one_of(st.binary(), st.text("ab:!-?[]{}&*#|>'\"% \n\t0129.e_~", max_size=30)))
def test_no_content_raises_anything_else(content: bytes | str) -> None:
    try:
        load(content)
    except PlainYamlError:
        return
