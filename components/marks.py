"""Marks of secret values in the Pods' templates, computed next to everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pulumi

from domain.fingerprint import fingerprint


def mark(values: Mapping[str, pulumi.Input[str]], *, salt: str) -> pulumi.Output[str]:
    """Sixteen hexadecimal digits that change with ``values``, and are not secret.

    Each takes a tenth of a second of one processor by design, so they are computed in threads: side by side, and while
    Pulumi registers resources.
    """

    async def computed(known: Mapping[str, str]) -> str:
        return await asyncio.to_thread(fingerprint, known, salt=salt)

    return pulumi.Output.unsecret(pulumi.Output.all(**values).apply(computed))
