"""Variables of a values file, sorted by what becomes of them."""

from __future__ import annotations

import pytest

from adoption.clear import Clear
from adoption.variables import names_of, reference_of, sort

REFERENCE = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}


def sorted_env(*entries):
    return sort(list(entries), place="commonEnv", prefix="p")


def test_text_and_references_are_typed() -> None:
    found = sorted_env({"name": "B", "value": "1"}, REFERENCE)
    assert found.env == {"B": "1", "A": {"secret": "s", "key": "k"}}
    assert (found.raw, found.clear) == ([], [])


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
        {"name": "A"},
        "no mapping",
    ],
)
def test_everything_else_stays_as_it_is(entry) -> None:
    found = sorted_env(entry)
    assert found.raw == [entry]
    assert found.env == {}


def test_a_credential_goes_to_a_secret() -> None:
    found = sorted_env({"name": "AIRFLOW__DB__PASSWORD", "value": "canary"})
    assert found.env == {"AIRFLOW__DB__PASSWORD": {"secret": "p-airflow-db-password", "key": "value"}}
    assert found.clear == [
        Clear("commonEnv.AIRFLOW__DB__PASSWORD", secret="p-airflow-db-password", entry="value")
    ]


def test_some_are_left_out() -> None:
    assert sort([{"name": "A", "value": "1"}], place="x", prefix="p", skip={"A"}).env == {}


def test_names_keep_their_order() -> None:
    assert names_of([{"name": "B"}, {"value": "x"}, {"name": "A"}]) == ["B", "A"]
    assert names_of(None) == []


def test_only_a_plain_reference_is_one() -> None:
    assert reference_of(REFERENCE) == {"secret": "s", "key": "k"}
    assert reference_of({"name": "A", "value": "x"}) is None
