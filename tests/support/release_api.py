"""An API server's answers about one release, over HTTP, for tests that change them between two reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from clients.kubernetes import Cluster, connect
from tests.support.http_server import Answer, HttpServer, Request

NAMESPACE = "agents"
RELEASE = "astro-agent"


@dataclass
class ReleaseApi:
    """What the server knows; a collection in `refused` answers 403."""

    cluster: Cluster = field(init=False)
    """The program's client for it."""
    other: Callable[[str], Answer | None] = lambda path: None
    """Path -> another answer, for a server that has its moments."""
    revisions: list[tuple[int, str]] = field(default_factory=list)
    """Number and status of Helm's records."""
    pods: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    owner: str = "set-1"
    """UID of the current ReplicaSet of the only Deployment."""
    logs: dict[str, str] = field(default_factory=dict)
    """Container -> log; of its predecessor under `container/previous`."""
    refused: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    """Paths of the requests, with their queries."""

    def answer(self, request: Request) -> Answer:
        """The answer to one request."""
        path = request.path
        self.asked.append(path)
        if (other := self.other(path)) is not None:
            return other
        parts = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        *_, kind = parts.path.split("/")
        if kind in self.refused:
            return 403, json.dumps({"kind": "Status", "code": 403}).encode(), {}
        if kind == "log":
            name = query["container"] + ("/previous" if query["previous"] == "true" else "")
            if name not in self.logs:
                return 400, json.dumps({"kind": "Status", "code": 400}).encode(), {}
            return 200, self.logs[name].encode(), {"Content-Type": "text/plain"}
        return 200, json.dumps({"items": self._items(kind)}).encode(), {"Content-Type": "application/json"}

    def _items(self, kind: str) -> list[dict[str, Any]]:
        deployment = {"uid": "deployment", "name": "agent-worker"}
        revision = {"deployment.kubernetes.io/revision": "2"}
        if kind == "secrets":
            return [
                {
                    "metadata": {
                        "name": f"sh.helm.release.v1.{RELEASE}.v{number}",
                        "uid": str(number),
                        "resourceVersion": "1",
                        "labels": {"version": str(number), "status": status},
                    }
                }
                for number, status in self.revisions
            ]
        if kind == "deployments":
            annotations = {"meta.helm.sh/release-name": RELEASE, **revision}
            other = {"metadata": {"uid": "other", "name": "not-of-this-release"}}
            return [{"metadata": {**deployment, "annotations": annotations}}, other]
        if kind == "replicasets":
            owners = [{"uid": "deployment"}]
            old = {"deployment.kubernetes.io/revision": "1"}
            return [
                {"metadata": {"uid": "set-0", "ownerReferences": owners, "annotations": old}},
                {"metadata": {"uid": self.owner, "ownerReferences": owners, "annotations": revision}},
            ]
        return {"pods": self.pods, "events": self.events}.get(kind, [])


@contextmanager
def release_api() -> Iterator[ReleaseApi]:
    """Listen on a free loopback port."""
    api = ReleaseApi()
    with HttpServer(api.answer) as server:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server.url}}],
            "users": [{"name": "c", "user": {}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        }
        api.cluster = connect(yaml.safe_dump(config), None, timeout=10)
        yield api


def pod_of(
    owner: str, state: dict[str, Any], *, ready: bool = False, number: int = 1, **fields: Any
) -> dict[str, Any]:
    """A Pod of a ReplicaSet with one container in this state; ``fields`` are the container's."""
    container = {
        "name": "worker",
        "image": "r/i:1",
        "ready": ready,
        "restartCount": 0,
        "state": state,
        **fields,
    }
    return {
        "metadata": {
            "name": f"agent-worker-{owner}-{number}",
            "namespace": NAMESPACE,
            "uid": f"pod-{owner}-{number}",
            "ownerReferences": [{"uid": owner}],
        },
        "spec": {"containers": [{"name": "worker"}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [container],
        },
    }
