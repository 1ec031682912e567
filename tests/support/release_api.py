"""An API server's answers about one release, over HTTP, for tests that change them between two reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from clients.kubernetes import connect
from tests.support.http_server import Answer, HttpServer, Request
from tests.support.kube_objects import kubeconfig

NAMESPACE = "agents"
RELEASE = "astro-agent"


def _status(code: int) -> Answer:
    return code, json.dumps({"kind": "Status", "code": code}).encode(), {}


class ReleaseApi(HttpServer):
    """What the server knows; a collection in `refused` answers 403."""

    def __init__(self) -> None:
        self.other: Callable[[str], Answer | None] = lambda path: None
        """Path with query -> another answer, for a server that has its moments."""
        self.revisions: list[tuple[int, str]] = []
        """Number and status of Helm's records."""
        self.pods: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.owner = "set-1"
        """UID of the current ReplicaSet of the only Deployment."""
        self.logs: dict[str, str] = {}
        """Container -> log; of its predecessor under `container/previous`."""
        self.refused: set[str] = set()
        super().__init__(self._answered)
        self.cluster = connect(kubeconfig(self.url()), None, timeout=10)
        """The program's client for it."""

    def _answered(self, request: Request) -> Answer:
        kind = request.path.rpartition("/")[2]
        if (other := self.other(request.target)) is not None:
            return other
        if kind in self.refused:
            return _status(403)
        if kind == "log":
            name = request.args["container"] + ("/previous" if request.args["previous"] == "true" else "")
            if name not in self.logs:
                return _status(400)
            return 200, self.logs[name].encode(), {"Content-Type": "text/plain"}
        return 200, json.dumps({"items": self._items(kind)}).encode(), {"Content-Type": "application/json"}

    def _items(self, kind: str) -> list[dict[str, Any]]:
        current, old = ({"deployment.kubernetes.io/revision": number} for number in ("2", "1"))
        owners = [{"uid": "deployment"}]
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
            annotations = {"meta.helm.sh/release-name": RELEASE, **current}
            deployment = {"uid": "deployment", "name": "agent-worker", "annotations": annotations}
            return [{"metadata": deployment}, {"metadata": {"uid": "other", "name": "not-of-this-release"}}]
        if kind == "replicasets":
            return [
                {"metadata": {"uid": "set-0", "ownerReferences": owners, "annotations": old}},
                {"metadata": {"uid": self.owner, "ownerReferences": owners, "annotations": current}},
            ]
        return {"pods": self.pods, "events": self.events}.get(kind, [])


@contextmanager
def release_api() -> Iterator[ReleaseApi]:
    """A server on a free loopback port."""
    with ReleaseApi() as api:
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
