"""Kubernetes accounts with the rights of docs/rbac*.yaml, and what the API server recorded of their requests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.kube_objects import kubectl
from tests.support.stacks import ROOT
from trial.certificates import Authority, Certificate
from trial.cluster import audit_log
from trial.environment import Environment

DEPLOY, PREVIEW = "astro-dbt-deploy", "astro-dbt-preview"
NAMESPACE = "agents"
"""The namespace that the files name, for users to change."""


@dataclass(frozen=True, order=True)
class Right:
    """One thing that a rule allows."""

    group: str
    resource: str
    verb: str
    name: str = ""
    """Name of the object, where the rule allows only that one."""


@dataclass(frozen=True)
class Request:
    """One request in the audit log."""

    asked: Right
    """What was asked for, with the name of the object."""
    namespace: str
    allowed: bool
    dry_run: bool
    created: bool
    """Whether it created the object: a patch that does so needs the right to create as well."""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Request:
        """A request by its audit event."""
        found = event["objectRef"]
        resource = "/".join(part for part in (found["resource"], found.get("subresource")) if part)
        asked = Right(found.get("apiGroup", ""), resource, event["verb"], found.get("name", ""))
        allowed = event["annotations"]["authorization.k8s.io/decision"] == "allow"
        created = event["responseStatus"]["code"] == 201
        return cls(asked, found.get("namespace", ""), allowed, "dryRun=All" in event["requestURI"], created)


def documents(file: str, *, namespace: str) -> list[dict[str, Any]]:
    """The objects of a file in docs, for another namespace than the one that it names."""
    text = (ROOT / "docs" / file).read_text(encoding="utf-8")

    def renamed(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: renamed(value) for key, value in node.items()}
        if isinstance(node, list):
            return [renamed(item) for item in node]
        return namespace if node == NAMESPACE else node

    return [renamed(document) for document in yaml.safe_load_all(text)]


def rights(rules: Iterable[Mapping[str, Sequence[str]]]) -> set[Right]:
    """Everything that rules allow, one by one."""
    return {
        Right(group, resource, verb, name)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames") or [""]
    }


def rules_of(objects: Iterable[Mapping[str, Any]], account: str) -> list[dict[str, Any]]:
    """Rules of all roles whose names begin with an account's."""
    found = [item for item in objects if item["kind"] in {"Role", "ClusterRole"}]
    return [rule for item in found if item["metadata"]["name"].startswith(account) for rule in item["rules"]]


def apply(environment: Environment, objects: Iterable[Mapping[str, Any]], verb: str = "apply") -> None:
    """Create or replace objects, or delete them."""
    listing = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    kubectl(environment, verb, "--filename", "-", stdin=json.dumps(listing))


def kubeconfig(environment: Environment, account: str, file: Path) -> None:
    """Write a kubeconfig like the trial's, for a user of the account's group."""
    authority = Authority(environment.layout.certificates)
    pair = authority.ensure([Certificate(account, f"{account}-user", group=account)])[account]
    content = yaml.safe_load(Path(environment.info().kubeconfig).read_text(encoding="utf-8"))
    content["users"][0]["user"] = {
        "client-certificate": str(pair.certificate),
        "client-key": str(pair.key),
    }
    file.write_text(yaml.safe_dump(content), encoding="utf-8")


class Audit:
    """What the accounts ask of the API server from now on."""

    def __init__(self, environment: Environment) -> None:
        self._log = audit_log(environment.layout)
        self._begin = self._log.stat().st_size if self._log.exists() else 0

    def requests(self, account: str) -> list[Request]:
        """Requests of an account about objects; discovery and reviews of its own rights are everybody's."""
        return [
            Request.of(event)
            for event in self._events()
            if account in event["user"]["groups"]
            and "objectRef" in event
            and event["objectRef"].get("apiGroup") != "authorization.k8s.io"
        ]

    def _events(self) -> Iterator[Any]:
        with self._log.open(encoding="utf-8") as log:
            log.seek(self._begin)
            for line in log:
                yield json.loads(line)


def used(requests: Iterable[Request], right: Right) -> bool:
    """Whether a right was needed."""
    return any(
        (item.asked.group, item.asked.resource) == (right.group, right.resource)
        and (right.verb == item.asked.verb or (right.verb == "create" and item.created))
        and right.name in {"", item.asked.name}
        for item in requests
    )
