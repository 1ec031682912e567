"""The agents of one stack: what the program provisioned for them, read from the live cluster and nowhere else."""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.delivery_proof.images import PROVIDERS, Images
from tests.support.agent_process import WRAPPED, Pod
from tests.support.airflow_env import QUIET, PythonEnvironment
from tests.support.docker_client import Docker, copy_programs
from tests.support.engine import Stack
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
        self,
        stack: Stack,
        folder: Path,
        images: Images,
        *,
        dbt: PythonEnvironment,
        database: Path,
    ) -> None:
        self.stack = stack
        self.folder = folder
        self.images = images
        self.dbt = dbt
        self.database = database
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
        for name, data in (existing or {}).items():
            self._make_secret(name, data)
        self.stack.up(wanted)
        found = {name: self.container(name) for name in (DAG_PROCESSOR, WORKER)}
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

    def _make_secret(self, name: str, data: Mapping[str, str]) -> None:
        api = self.stack.api()
        namespace = self.stack.namespace
        with suppress(ApiException):
            api.delete_namespaced_secret(name, namespace)
        body = client.V1Secret(metadata=client.V1ObjectMeta(name=name), string_data=dict(data))
        api.create_namespaced_secret(namespace, body)

    def container(self, deployment: str) -> Container:
        """What Kubernetes would give the Deployment's container now."""
        return read_container(self.stack.api().api_client, self.stack.namespace, deployment)

    def pod(
        self,
        deployment: str,
        *,
        container: Container | None = None,
    ) -> Pod:
        """A new Pod of a Deployment, with empty storage; a worker gets a database to run Dags in."""
        self._pods += 1
        found = container or self.container(deployment)
        programs = self.folder / "programs" / found.image.rpartition(":")[2]
        return Pod(
            found,
            self.folder / f"pod-{self._pods}",
            self.docker,
            copy_programs(self.docker, found.image, WRAPPED, programs),
            database=self.database if deployment == WORKER else None,
        )


def spellings(secret: str) -> Iterator[str]:
    """Forms in which a secret could appear in a file or an argument."""
    import json
    from urllib.parse import quote

    yield secret
    yield quote(secret, safe="")
    yield json.dumps(secret)[1:-1]


def leaks(pod: Pod, secrets: list[str]) -> set[str]:
    """Where a secret of these shows up in a Pod: `disk`, `arguments`, `log`."""
    found = set()
    wanted = [form for secret in secrets for form in spellings(secret)] + _headers(pod)
    for form in wanted:
        if form in pod.arguments:
            found.add("arguments")
        if form in pod.log:
            found.add("log")
    needles = [form.encode() for form in wanted]
    if any(needle in content for content in map(Path.read_bytes, pod.written()) for needle in needles):
        found.add("disk")
    return found


def _headers(pod: Pod) -> list[str]:
    """The encoded credentials of HTTP headers that the Pod was given."""
    values = pod.container.secrets().values()
    return [value.split()[-1] for value in values if value.startswith("Authorization: ")]
