"""The agents of one stack: what the program provisioned for them, read from the live cluster and nowhere else."""

from __future__ import annotations

import base64
import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from domain.names import STACK_LABEL
from tests.delivery_proof.images import PROVIDERS, Images
from tests.support.agent_process import WRAPPED, Pod
from tests.support.airflow_env import QUIET, PythonEnvironment
from tests.support.canaries import Canaries
from tests.support.docker_client import Docker
from tests.support.engine import Stack
from tests.support.kube_objects import make
from tests.support.pod_template import Container, read_container

Containers = Mapping[str, Container]
"""Deployment -> its container."""
DAG_PROCESSOR = "astro-agent-dag-processor"
WORKER = "astro-agent-worker-default-worker"
ENVIRONMENT = {
    **QUIET,
    # dbt ls takes longer than Airflow's 30 s on a machine that builds images at the same time.
    "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "240",
}
"""`agent.env` of every stack here."""


class Agents:
    """One stack that is provisioned for one case after the other."""

    def __init__(
        self, stack: Stack, folder: Path, images: Images, *, dbt: PythonEnvironment, database: Path
    ) -> None:
        self.stack, self.folder, self.images = stack, folder, images
        self.dbt, self.database = dbt, database
        self.base = copy.deepcopy(stack.config)
        self._pods = 0
        assert stack.info.docker_host, "this proof needs the trial's Docker engine; unset NO_DOCKER."
        self.docker = Docker(stack.info.docker_host, folder / "docker")

    def provision(
        self,
        config: Mapping[str, Any],
        *,
        existing: Mapping[str, Mapping[str, str]] | None = None,
        image: str = PROVIDERS[0],
        **agent: Any,
    ) -> Containers:
        """`pulumi up` with these keys of the stack replaced, and these of `agent`; Secrets of others are made before.

        The agents run one of `images`, unless the stack builds its own. Returns what the Deployments name then, with the
        image pulled as the Pods pull it.
        """
        wanted = copy.deepcopy(self.base) | copy.deepcopy(dict(config))
        wanted["agent"] = copy.deepcopy(self.base["agent"]) | agent
        if wanted["delivery"] == "git-submodule":
            wanted.pop("image", None)
            wanted["agent"]["image"] = self.images[image]
        wanted["agent"]["env"] = {**ENVIRONMENT, **wanted["agent"].get("env", {})}
        environment, namespace = self.stack.environment, self.stack.namespace
        if existing:
            make(environment, "Namespace", namespace, labels={STACK_LABEL: f"astro-dbt.{self.stack.name}"})
        for name, data in (existing or {}).items():
            make(environment, "Secret", name, namespace, stringData=dict(data))
        self.stack.up(wanted)
        found = {name: self.container(name) for name in (DAG_PROCESSOR, WORKER)}
        self._pull(found)
        return found

    def exchanged(self, containers: Containers, image: str) -> Containers:
        """The same containers with another of `images`, pulled as the Pods pull theirs."""
        found = {name: dataclasses.replace(one, image=self.images[image]) for name, one in containers.items()}
        self._pull(found)
        return found

    def _pull(self, containers: Containers) -> None:
        """Pull the images with the pull secret that the live Pods name."""
        template = self.stack.deployments()[WORKER].spec.template.spec
        (name,) = (item.name for item in template.image_pull_secrets)
        secret: Any = self.stack.api().read_namespaced_secret(name, self.stack.namespace)
        self.docker.login(base64.b64decode(secret.data[".dockerconfigjson"]))
        for image in {container.image for container in containers.values()}:
            self.docker.call("pull", "--quiet", image)

    def container(self, deployment: str) -> Container:
        """What Kubernetes would give the Deployment's container now."""
        return read_container(self.stack.api().api_client, self.stack.namespace, deployment)

    def pod(self, deployment: str, container: Container | None = None) -> Pod:
        """A new Pod of a Deployment, with empty storage; a worker gets a database to run Dags in."""
        self._pods += 1
        found = container or self.container(deployment)
        database = self.database if deployment == WORKER else None
        return Pod(
            found, self.folder / f"pod-{self._pods}", self.docker, self._programs(found.image), database
        )

    def rows(self, pod: Pod, query: str, *, project: str = "jaffle") -> str:
        """Rows of a query on the database that a Pod's run of a dbt project wrote."""
        return self.dbt.rows(pod.on_machine(f"/tmp/{project}.duckdb"), query)

    def _programs(self, image: str) -> Path:
        """A folder with the image's own programs of WRAPPED."""
        target = self.folder / "programs" / image.rpartition(":")[2]
        if not target.exists():
            partial = target.with_name(target.name + ".partial")
            partial.mkdir(parents=True)
            made = self.docker.call("create", image).strip()
            for path, name in WRAPPED.items():
                self.docker.call("cp", "--follow-link", f"{made}:{path}", str(partial / f"real-{name}"))
            self.docker.call("rm", "--force", made)
            partial.rename(target)
        return target


def leaks(pod: Pod, secrets: list[str]) -> set[str]:
    """Where one of these secrets shows up in a Pod, in whatever spelling: `disk`, `arguments`, `log`."""
    canaries = Canaries(secrets)
    found = {name for name in ("arguments", "log") if canaries.of(getattr(pod, name))}
    return found | {"disk" for folder in pod.written() for _ in canaries.below(folder)}
