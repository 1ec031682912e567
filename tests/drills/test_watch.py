"""Which Pods count as ready while a drill kills parts of the cluster."""

from __future__ import annotations

from typing import Any

import pytest

from drills.watch import is_ready


def pod(*, ready: str, containers: str, deleted: bool = False) -> dict[str, Any]:
    return {
        "metadata": {"name": "worker", **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {})},
        "status": {
            "conditions": [
                {"type": "Ready", "status": ready},
                {"type": "ContainersReady", "status": containers},
            ]
        },
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (pod(ready="True", containers="True"), True),
        (pod(ready="False", containers="True"), True),  # the control plane has not heard of the node
        (pod(ready="False", containers="False"), False),
        (pod(ready="True", containers="True", deleted=True), False),
        ({"metadata": {}, "status": {}}, False),
        ({"metadata": {}}, False),
    ],
)
def test_a_pod_is_ready_by_the_word_of_its_node(found: dict[str, Any], expected: bool) -> None:
    assert is_ready(found) is expected
