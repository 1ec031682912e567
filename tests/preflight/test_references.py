"""What a stack refers to in the cluster without creating it."""

from __future__ import annotations

from typing import Any

import delivery
from preflight.references import ObjectUse, SecretUse, object_uses, secret_uses
from tests.support.stacks import settings_of, stack, with_agent


def _secrets(config: dict[str, Any]) -> set[SecretUse]:
    settings = settings_of(config)
    return set(secret_uses(settings, delivery.plan(settings, authorities={})))


def test_a_stack_that_creates_everything_refers_to_nothing() -> None:
    assert _secrets(stack()) == set()
    assert list(object_uses(settings_of(stack()))) == []


def test_secrets_that_the_chart_reads() -> None:
    agent = {
        "imagePullSecret": "pull",
        "sentinelAuthSecret": "sentinel",
        "env": {"A": {"secret": "s", "key": "k"}},
    }
    assert _secrets(with_agent(**agent)) == {
        SecretUse("agent.imagePullSecret", "pull", ".dockerconfigjson"),
        SecretUse("agent.sentinelAuthSecret", "sentinel", "secret"),
        SecretUse("agent.env.A", "s", "k"),
    }


def test_the_keys_that_git_on_the_agents_reads() -> None:
    connections = {"git": {"type": "https", "existingSecret": "mine"}}
    found = _secrets(stack(connections=connections, credentials=None))
    assert {use.key for use in found} == {"connection", "http-header"}
    assert {(use.at, use.secret) for use in found} == {("connections.git.existingSecret", "mine")}


def test_references_in_values_at_any_depth() -> None:
    values = {
        "volumes": [
            {"name": "a", "persistentVolumeClaim": {"claimName": "claim"}},
            {"name": "b", "configMap": {"name": "optional", "optional": True}},
            {"name": "c", "secret": {"secretName": "files"}},
        ],
        "initContainers": [
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}
        ],
        "serviceAccount": {"create": False, "name": "robot"},
    }
    config = with_agent(workers=[{"name": "w", "values": values}])
    at = "agent.workers[0].values"
    assert _secrets(config) == {
        SecretUse(f"{at}.volumes[2].secret", "files", None),
        SecretUse(f"{at}.initContainers[0].env[0].valueFrom.secretKeyRef", "s", "k"),
    }
    assert set(object_uses(settings_of(config))) == {
        ObjectUse(f"{at}.volumes[0].persistentVolumeClaim", "PersistentVolumeClaim", "claim"),
        ObjectUse(f"{at}.serviceAccount", "ServiceAccount", "robot"),
    }
