"""Kubernetes quantities."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.quantity import amount


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("500m", "0.5"),
        ("1Ki", 1024),
        ("1Gi", 2**30),
        ("1k", 1000),
        ("2e3", 2000),
        ("1E", 10**18),
        (".5Ki", 512),
        ("1.", 1),
        (3, 3),
    ],
)
def test_the_number_that_a_quantity_means(text, number):
    assert amount(text) == Decimal(number)


@pytest.mark.parametrize(
    "text", ["", "Gi", "1 Gi", "1gi", "many", None, "1.2.3", ".", "1e99999999999", "٣", "1Gi\n", True]
)
def test_what_is_not_a_quantity(text):
    assert amount(text) is None
