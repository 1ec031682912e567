"""Files that PyYAML cannot read, each with one error."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from domain.plain_yaml import PlainYamlError, load, load_all

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


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_written_is_read(value: object) -> None:
    assert load(yaml.safe_dump(value)) == value


@pytest.mark.parametrize(
    "text",
    ["", "on: yes\nn: 0o17\nt: 2026-01-01\n", "a: &x [1]\nb: *x\n", "- !!set {a, b}\n", "a: 1\na: 2\n"],
)
def test_the_result_is_that_of_the_parser_in_python(text: str) -> None:
    assert load(text) == yaml.safe_load(text)


def test_every_document_is_read() -> None:
    assert load_all("a: 1\n---\n---\nb: 2\n") == [{"a": 1}, None, {"b": 2}]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_one_error_in_any_document(content: bytes | str) -> None:
    with pytest.raises(PlainYamlError):
        load_all(content)
