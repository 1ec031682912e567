"""Pulumi's values as the rules get them; tests/engine/test_policy.py runs the pack in the engine."""

from __future__ import annotations

from typing import Any

from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

from policy.pack import plain


class Partly(dict[str, Any]):
    """A mapping of which one value is not known before the update."""

    def __getitem__(self, key: str) -> Any:
        if key == "unknown":
            raise UnknownValueError(UNKNOWN_STRING_VALUE, [key])
        return super().__getitem__(key)


def test_unknown_values_are_missing_and_everything_else_is_plain():
    value = Partly(known=[Partly(a=1, unknown=2), "text"], unknown=3)
    assert plain(value) == {"known": [{"a": 1}, "text"]}
