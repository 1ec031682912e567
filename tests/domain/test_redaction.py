"""Texts for people, without secrets."""

from __future__ import annotations

import base64
import doctest
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import redaction
from domain.redaction import redact, without


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("fatal: bad https://robot:canary/secret@host/x", "fatal: bad https://***@host/x"),
        ("header Authorization: Basic Y2FuYXJ5L3NlY3JldA==", "header Authorization: Basic ***"),
        ("token canary/secret", "token ***"),
        ("encoded canary%2Fsecret canary/secret", "encoded *** ***"),
    ],
)
def test_redaction_knows_every_spelling(text: str, cleaned: str) -> None:
    assert redact(text, ["canary/secret"]) == cleaned


def test_redaction_leaves_the_user_of_an_ssh_address() -> None:
    assert redact("ssh://git@host/org/x.git", ["unrelated"]) == "ssh://git@host/org/x.git"


@given(st.text(min_size=4).filter(lambda text: len(text.strip()) >= 4 and "*" not in text))
def test_no_encoding_of_a_secret_stays(secret: str) -> None:
    encoded = (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode(), json.dumps(secret))
    assert [without(form, [secret]).strip('"') for form in encoded] == ["***"] * 4


@given(
    st.text(min_size=4).filter(lambda text: len(text.strip()) >= 4 and "*" not in text),
    st.binary(max_size=7),
    st.binary(max_size=7),
    st.booleans(),
)
def test_no_secret_stays_within_the_base64_of_a_longer_text(
    secret: str, before: bytes, after: bytes, for_addresses: bool
) -> None:
    longer = base64.b64encode(before + secret.encode() + after, b"-_" if for_addresses else None).decode()
    left = without(longer, [secret])
    assert "***" in left
    head, _, tail = left.partition("***")
    assert len(head) <= (8 * len(before) + 5) // 6, (
        "at most the letters that hold bits of what stands before it"
    )
    assert len(tail) <= (8 * len(after) + 5) // 6 + 3


@pytest.mark.parametrize("secret", ['can"ary<a>&b', "can\\ary\n\u00e9", "canary\tx"])
def test_texts_within_texts(secret: str) -> None:
    def python(value: object) -> str:
        return json.dumps(value)

    def javascript(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    def go(value: object) -> str:
        text = javascript(value)
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

    for inner in (python, javascript, go):
        once = inner({"a": secret})
        assert without(once, [secret]).count("***") == 1
        for outer in (python, javascript, go):
            assert without(outer({"b": once}), [secret]).count("***") == 1


def test_a_line_of_a_private_key_is_a_secret_too() -> None:
    key = "-----BEGIN KEY-----\ncanary-line\n-----END KEY-----\n"
    assert redact("Load key: canary-line", [key]) == "Load key: ***"
    assert redact("-----END KEY-----", [key]) == "-----END KEY-----"


def test_short_secrets_would_redact_ordinary_words() -> None:
    assert without("a dev stack", ["dev"]) == "a dev stack"
    assert without("a prod stack", ["prod"], shortest=6) == "a prod stack"


def test_the_examples() -> None:
    assert doctest.testmod(redaction).failed == 0
