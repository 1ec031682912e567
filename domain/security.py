"""Security contexts of containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RESTRICTED_CONTAINER: Mapping[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    # Here and not only in the Pod's context: the sentinel's Pod has one of its own, which lacks it.
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Context of a container under the pod security standard `restricted` (docs page remote-agents-restricted-kubernetes)."""
