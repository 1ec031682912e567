"""AgentObjects: each manifest becomes one object in the agents' namespace."""

from __future__ import annotations

from typing import Any

import pulumi

from components.agent_objects import AgentObjects, AgentObjectsArgs
from tests.support.pulumi_mocks import Recorder

BUDGET: dict[str, Any] = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "w"},
    "spec": {"maxUnavailable": 1},
}
SCALED: dict[str, Any] = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "w"},
    "spec": {"scaleTargetRef": {"name": "w"}},
}


def test_objects(recorder: Recorder) -> None:
    @pulumi.runtime.test
    def check() -> pulumi.Output[str]:
        made = AgentObjects("objects", AgentObjectsArgs(namespace="agents", manifests=[BUDGET, SCALED]))
        return made.urn

    check()
    for token, manifest in (
        ("kubernetes:policy/v1:PodDisruptionBudget", BUDGET),
        ("kubernetes:keda.sh/v1alpha1:ScaledObject", SCALED),
    ):
        (found,) = recorder.of_type(token).values()
        assert found["spec"] == manifest["spec"]
        assert found["metadata"]["namespace"] == "agents"
        assert found["metadata"]["name"] == "w"
