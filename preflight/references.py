"""What the stack refers to in the agents' namespace without creating it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from delivery.git_access import secret_name
from delivery.identity import accounts
from delivery.plan import Plan, SecretKey
from domain.chart import AGENT_TOKEN_KEY, IMAGE_PULL_KEY, OPEN_LINEAGE_KEY, SENTINEL_AUTH_KEY
from domain.connection_secret import SSH_KEY
from settings.agent import Component
from settings.base import SecretKeyRef
from settings.containers import Environment
from settings.stack import Settings


@dataclass(frozen=True)
class SecretUse:
    """A key of a Secret that this stack does not create."""

    at: str
    """Stack key that names it."""
    secret: str
    """Secret."""
    key: str | None
    """Key that is read; None for any."""


@dataclass(frozen=True)
class ObjectUse:
    """Another object that this stack does not create."""

    at: str
    """Stack key that names it."""
    kind: str
    """ConfigMap, PersistentVolumeClaim, ServiceAccount, PriorityClass or TriggerAuthentication."""
    name: str
    """Its name."""


def secret_uses(settings: Settings, plan: Plan) -> Iterator[SecretUse]:
    """Every Secret that has to exist, with the keys that the chart and Git on the agents read (docs/connections.md)."""
    agent = settings.agent
    chart = (
        ("agent.agentTokenSecret", agent.agent_token_secret, AGENT_TOKEN_KEY),
        ("agent.imagePullSecret", agent.image_pull_secret, IMAGE_PULL_KEY),
        ("agent.sentinelAuthSecret", agent.sentinel_auth_secret, SENTINEL_AUTH_KEY),
        ("agent.openLineage.apiKeySecret", agent.open_lineage.api_key_secret, OPEN_LINEAGE_KEY),
    )
    yield from (SecretUse(at, secret, key) for at, secret, key in chart if secret)
    if agent.secrets_backend and agent.secrets_backend.kwargs_secret:
        reference = agent.secrets_backend.kwargs_secret
        yield SecretUse("agent.secretsBackend.kwargsSecret", reference.secret, reference.key)
    yield from _git_secrets(settings, plan)
    for at, component in _with_environment(settings):
        for name, value in component.env.items():
            if isinstance(value, SecretKeyRef):
                yield SecretUse(f"{at}.env.{name}", value.secret, value.key)
    for at, component in _components(settings):
        yield from (use for use in _walk(component.values, f"{at}.values") if isinstance(use, SecretUse))


def object_uses(settings: Settings) -> Iterator[ObjectUse]:
    """Every other object that identities and further values refer to."""
    for account in accounts(settings.agent):
        if account.identity.account is not None:
            yield ObjectUse(f"{account.at}.account", "ServiceAccount", account.name)
    for index, worker in enumerate(settings.agent.workers):
        keda = worker.autoscaling.keda if worker.autoscaling else None
        if keda and keda.authentication:
            at = f"agent.workers[{index}].autoscaling.keda.authentication"
            yield ObjectUse(at, "TriggerAuthentication", keda.authentication)
    for at, component in _components(settings):
        if isinstance(component, Component) and component.priority_class:
            yield ObjectUse(f"{at}.priorityClass", "PriorityClass", component.priority_class)
        yield from (use for use in _walk(component.values, f"{at}.values") if isinstance(use, ObjectUse))


def _git_secrets(settings: Settings, plan: Plan) -> Iterator[SecretUse]:
    existing = {
        secret_name(settings, name): f"connections.{name}.existingSecret"
        for name, connection in settings.connections.items()
        if connection.existing_secret
    }
    for item in plan.environment:
        if isinstance(item.value, SecretKey) and item.value.secret in existing:
            yield SecretUse(existing[item.value.secret], item.value.secret, item.value.key)
    for mount in plan.mounts:
        if mount.secret in existing:
            yield SecretUse(existing[mount.secret], mount.secret, SSH_KEY)


def _with_environment(settings: Settings) -> Iterator[tuple[str, Environment]]:
    yield from _components(settings)
    if settings.agent.logs and settings.agent.logs.sidecar:
        yield "agent.logs.sidecar", settings.agent.logs.sidecar


def _components(settings: Settings) -> Iterator[tuple[str, Any]]:
    agent = settings.agent
    yield "agent", agent
    for index, worker in enumerate(agent.workers):
        yield f"agent.workers[{index}]", worker
    yield "agent.dagProcessor", agent.dag_processor
    yield "agent.triggerer", agent.triggerer
    yield "agent.sentinel", agent.sentinel


_SECRETS = {"secretKeyRef": "name", "secretRef": "name", "secret": "secretName"}
_OBJECTS = {
    "configMapKeyRef": ("ConfigMap", "name"),
    "configMapRef": ("ConfigMap", "name"),
    "configMap": ("ConfigMap", "name"),
    "persistentVolumeClaim": ("PersistentVolumeClaim", "claimName"),
}


def _walk(value: Any, at: str) -> Iterator[SecretUse | ObjectUse]:
    """References in the shapes that Kubernetes gives them, at any depth."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{at}[{index}]")
    if not isinstance(value, Mapping):
        return
    for name, below in value.items():
        place = f"{at}.{name}"
        if isinstance(below, Mapping) and not below.get("optional"):
            if name in _SECRETS:
                target = below.get(_SECRETS[name]) or below.get("name")
                if isinstance(target, str):
                    key = below.get("key")
                    yield SecretUse(place, target, key if isinstance(key, str) else None)
            elif name in _OBJECTS:
                kind, field = _OBJECTS[name]
                if isinstance(below.get(field), str):
                    yield ObjectUse(place, kind, below[field])
            if below.get("create") is False and isinstance(below.get("name"), str):
                yield ObjectUse(place, "ServiceAccount", below["name"])
        yield from _walk(below, place)
