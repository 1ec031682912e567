"""When two sets of values amount to the same."""

from __future__ import annotations

from typing import Any

import pytest

from adoption.equality import differences, effective, orders


def paths(theirs, ours, defaults=None):
    found = differences(effective(theirs, defaults or {}), effective(ours, defaults or {}))
    return [item.path for item in found]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"logLevel": "INFO"}, {}),
        ({"labels": {}}, {"labels": {"a": None}}),
        ({"image": "i", "workers": [{"name": "w"}]}, {"workers": [{"name": "w", "image": "i"}], "image": "i"}),
        ({"workers": [{"name": "w", "hpa": {"enabled": False, "maxReplicaCount": 9}}]}, {"workers": [{"name": "w"}]}),
        ({"triggerer": {"replicas": 1}}, {"createNamespace": False}),
        ({"dagProcessor": {"resources": {"limits": {"cpu": 2}}}}, {"dagProcessor": {"resources": {"limits": {"cpu": "2"}}}}),
    ],
)  # fmt: skip
def test_the_same(one, other) -> None:
    assert paths(one, other, {"logLevel": "INFO"}) == []


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ({"logLevel": "INFO"}, {}, ("logLevel",)),
        (
            {"commonEnv": [{"name": "A", "value": "1"}]},
            {"commonEnv": [{"name": "A", "value": "2"}]},
            ("commonEnv", "A"),
        ),
        (
            {"workers": [{"name": "w", "syncSlots": 5}]},
            {"workers": [{"name": "w"}]},
            ("workers", 0, "syncSlots"),
        ),
        ({"workers": [{"name": "w"}]}, {"workers": []}, ("workers",)),
        ({"createNamespace": True}, {}, ("createNamespace",)),
        ({"a": True}, {"a": 1}, ("a",)),
        ({"openLineage": {"endpoint": "x"}}, {}, ("openLineage",)),
    ],
)
def test_not_the_same(one, other, path) -> None:
    assert paths(one, other) == [path]


def test_the_order_of_variables_differs() -> None:
    one: dict[str, Any] = {"commonEnv": [{"name": "A"}, {"name": "B"}], "workers": [{"env": [{"name": "C"}]}]}
    assert orders(one)["commonEnv",] == ["A", "B"]
    assert orders(one)["workers", 0, "env"] == ["C"]
    assert paths(one, {**one, "commonEnv": one["commonEnv"][::-1]}) == []


def test_values_are_not_changed() -> None:
    values = {"image": "i", "workers": [{"name": "w"}]}
    effective(values, {})
    assert values == {"image": "i", "workers": [{"name": "w"}]}
