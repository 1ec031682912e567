"""Kubernetes quantities (kubernetes.io, Quantity): numbers with a suffix, such as 500m or 1Gi."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

_QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([eE][+-]?[0-9]{1,3}|[numkMGTPE]|[KMGTPE]i|)")
_SUFFIXES: Mapping[str, Decimal] = {
    **{suffix: Decimal(10) ** power for suffix, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
    "": Decimal(1),
}  # fmt: skip


def amount(value: object) -> Decimal | None:
    """The number that a quantity means, in the unit without a suffix; None when it is not a quantity.

    >>> amount("1Gi") == amount("1024Mi")
    True
    """
    found = _QUANTITY.fullmatch(str(value))
    if found is None:
        return None
    number, suffix = Decimal(found[1]), found[2]
    return number * (_SUFFIXES[suffix] if suffix in _SUFFIXES else Decimal(f"1{suffix}"))
