"""Security contexts of containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RESTRICTED_CONTAINER: Mapping[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    # Also here, because the sentinel's Pod has a separate security context, which lacks it.
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Security context of a container for the pod security standard `restricted` (docs page remote-agents-restricted-kubernetes)."""
