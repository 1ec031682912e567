"""A node whose kubelet is this test: Pods are scheduled on it, and get the status and the logs that the test wants."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.support.http_server import Answer, HttpServer, Request
from trial.certificates import Authority
from trial.cluster import CERTIFICATES
from trial.environment import Environment

LABEL = "tests/kubelet"
"""Label of the node, for the nodeSelector of Pods that shall run on it."""

Status = Callable[[Any], dict[str, Any]]
"""Pod -> its status."""


@dataclass
class Kubelet:
    """Writes what `status` says of every Pod of its node, as a kubelet does, and answers requests for logs."""

    api: client.CoreV1Api
    """The API server."""
    name: str
    """Of the node; also the label's value."""
    status: Status
    logs: dict[str, str] = field(default_factory=dict)
    """Container -> log."""
    seen: set[str] = field(default_factory=set)
    """Names of the Pods that got a status."""
    over: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: Request) -> Answer:
        """The answer to /containerLogs/<namespace>/<pod>/<container>?tailLines=…"""
        container = request.path.rpartition("/")[2]
        content = self.logs.get(container, "").encode()
        return 200 if container in self.logs else 404, content, {"Content-Type": "text/plain"}

    def run(self) -> None:
        """Tend the node's Pods until `over` is set."""
        while not self.over.wait(0.3):
            with contextlib.suppress(ApiException):
                for pod in self.api.list_pod_for_all_namespaces(
                    field_selector=f"spec.nodeName={self.name}"
                ).items:
                    self._tend(pod)

    def _tend(self, pod: Any) -> None:
        name, namespace = pod.metadata.name, pod.metadata.namespace
        if pod.metadata.deletion_timestamp:
            self.api.delete_namespaced_pod(name, namespace, grace_period_seconds=0)
        elif name not in self.seen:
            self.api.patch_namespaced_pod_status(name, namespace, {"status": self.status(pod)})
            self.seen.add(name)


@contextmanager
def kubelet(environment: Environment, api: client.CoreV1Api, name: str, status: Status) -> Iterator[Kubelet]:
    """A ready node with its kubelet, for a block; the node counts as lost after some 50 seconds."""
    made = Kubelet(api, name, status)
    pair = Authority(environment.layout.certificates).ensure(CERTIFICATES)["kube-apiserver"]
    server = HttpServer(made.answer, pair=pair)
    room = {"cpu": "64", "memory": "256Gi", "pods": "100", "ephemeral-storage": "1Ti"}
    api.create_node(client.V1Node(metadata=client.V1ObjectMeta(name=name, labels={LABEL: name})))
    api.patch_node_status(
        name,
        {
            "status": {
                "capacity": room,
                "allocatable": room,
                "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": int(server.server.rpartition(":")[2])}},
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            }
        },
    )
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.over.set()
        thread.join()
        api.delete_node(name)
        server.stop()
