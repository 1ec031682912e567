"""Environment variables of the stack as the chart's containers get them."""

from __future__ import annotations

from delivery.plan import EnvVar, SecretKey
from settings.base import SecretKeyRef
from settings.containers import EnvValue


def env_var(name: str, value: EnvValue) -> EnvVar:
    """A variable with the value, or the key of a Secret, that a setting names."""
    return EnvVar(name, SecretKey(value.secret, value.key) if isinstance(value, SecretKeyRef) else value)
