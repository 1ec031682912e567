"""Credentials for a container registry."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class RegistryLogin:
    """User and password of a container registry."""

    server: str
    """Host name, with its port if it is not the standard one."""
    username: str
    """User name."""
    password: pulumi.Input[str]
    """Password."""
