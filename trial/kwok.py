"""A simulated node: Pods are scheduled and become ready, but nothing runs."""

import contextlib
from functools import partial
from pathlib import Path

import yaml

from trial.cluster import TrialCluster
from trial.errors import TrialError
from trial.layout import Layout, write_private
from trial.memory import LOOPBACK
from trial.processes import Service, Supervisor
from trial.progress import Progress

NODE = "trial-simulated"
ANNOTATION = "kwok.x-k8s.io/node"
CAPACITY = {"cpu": "640", "memory": "4Ti", "pods": "2k", "ephemeral-storage": "16Ti"}
"""Room for agents with hundreds of queues; nothing runs, so nothing is used."""

_READY_AGAIN = """\
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata:
  name: pod-ready-again
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
      - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
      - {key: .status.phase, operator: In, values: [Running]}
      - {key: '.status.conditions.[] | select( .type == "ContainersReady" ) | .status', operator: In, values: ["True"]}
      - {key: '.status.conditions.[] | select( .type == "Ready" ) | .status', operator: In, values: ["False"]}
  delay: {durationMilliseconds: 1000}
  next:
    statusTemplate: |
      conditions:
        - {type: Ready, status: "True", lastTransitionTime: {{ Now | Quote }}}
"""
"""After an outage of the API server the node counts as lost, and its Pods are marked as not ready although their containers are; a
kubelet reports them as ready when it is back (kubernetes 1.36, pkg/kubelet/status), which kwok's stages do not."""


class SimulatedNode:
    """Runs kwok and registers one node with it."""

    def __init__(
        self, layout: Layout, progress: Progress, supervisor: Supervisor, cluster: TrialCluster
    ) -> None:
        self.layout = layout
        self.progress = progress
        self.supervisor = supervisor
        self.cluster = cluster

    def up(self, stages: dict[str, bytes]) -> None:
        """Bring the node up; ``stages`` are kwok's Stage resources and storage classes as YAML texts by name."""
        with self.progress.step("start the simulated node") as step:
            config = self._write_config(stages)
            kubeconfig = self.cluster.kubeconfig("kwok")
            service = Service(
                "kwok",
                [
                    self.layout.bin / "kwok",
                    f"--kubeconfig={kubeconfig}",
                    f"--config={config}",
                    f"--manage-nodes-with-annotation-selector={ANNOTATION}=fake",
                    f"--node-ip={LOOPBACK}",
                    "--node-lease-duration-seconds=40",
                ],
                reads=[config, kubeconfig],
                prepare=partial(self._prepare, stages),
                ready=self._missing,
            )
            started = self.supervisor.start(service)
            step.update("waiting until it is ready")
            self.supervisor.wait(service)
            step.done(NODE if started else "runs")

    def down(self) -> None:
        """Stop kwok and remove the node from the cluster, so that nothing is scheduled on it."""
        self.supervisor.stop("kwok")
        with contextlib.suppress(TrialError):
            self.cluster.kubectl(
                "delete", "node", NODE, "--ignore-not-found", purpose="removing the simulated node"
            )

    def _prepare(self, stages: dict[str, bytes]) -> None:
        """Register the node, and free it: a new kwok waits half a minute for its predecessor's lease to expire."""
        with contextlib.suppress(TrialError):
            self.cluster.kubectl(
                "delete",
                "lease",
                NODE,
                "--namespace=kube-node-lease",
                "--ignore-not-found",
                purpose="releasing the node",
            )
        self._register(stages)

    def _write_config(self, stages: dict[str, bytes]) -> Path:
        documents = [
            document
            for text in (*(stages[name] for name in sorted(stages)), _READY_AGAIN.encode())
            for document in yaml.safe_load_all(text)
            if document and document.get("kind") == "Stage"
        ]
        path = self.layout.state / "kwok.yaml"
        write_private(path, yaml.safe_dump_all(documents, sort_keys=True))
        return path

    def _missing(self) -> str | None:
        path = '{.status.conditions[?(@.type=="Ready")].status}'
        try:
            status = self.cluster.kubectl(
                "get", "node", NODE, f"-o=jsonpath={path}", purpose="reading the node"
            )
        except TrialError as error:
            return str(error)
        return None if status.strip() == "True" else f"node {NODE} is not ready"

    def _register(self, stages: dict[str, bytes]) -> None:
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": NODE,
                "annotations": {ANNOTATION: "fake", "node.alpha.kubernetes.io/ttl": "0"},
                "labels": {
                    "kubernetes.io/hostname": NODE,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                    "kubernetes.io/role": "agent",
                    "type": "kwok",
                },
            },
            "status": {"allocatable": CAPACITY, "capacity": CAPACITY},
        }
        classes = [
            document
            for text in stages.values()
            for document in yaml.safe_load_all(text)
            if document and document.get("kind") == "StorageClass"
        ]
        self.cluster.apply(node, *classes, purpose="registering the simulated node")
