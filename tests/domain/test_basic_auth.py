"""User and password as HTTP carries them."""

from __future__ import annotations

import base64

import pytest

from domain.basic_auth import basic_auth


@pytest.mark.parametrize(
    ("user", "password"), [("robot", "pa:ss"), ("", "token"), ("jürgen", "ünïcode"), ("x", "")]
)
def test_the_first_colon_ends_the_user(user: str, password: str) -> None:
    found = base64.b64decode(basic_auth(user, password)).decode()
    assert found.partition(":")[::2] == (user, password)
