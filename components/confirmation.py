"""Holding back what depends on an object until somebody has confirmed that the cluster has it."""

from __future__ import annotations

from typing import Any

import pulumi


def once_confirmed(value: pulumi.Input[str], confirmed: pulumi.Output[Any]) -> pulumi.Input[str]:
    """``value``, in an update once ``confirmed`` is known, which may fail.

    A preview does not wait: it does not know the ids of what is not there yet.
    """
    if pulumi.runtime.is_dry_run():
        return value
    return pulumi.Output.all(value, confirmed).apply(lambda found: str(found[0]))
