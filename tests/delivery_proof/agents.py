"""The agents of one stack: what the program provisioned for them, read from the live cluster and nowhere else."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from tests.support.agent_process import Pod
from tests.support.airflow_env import QUIET, PythonEnvironment
from tests.support.engine import Stack
from tests.support.pod_template import Container, read_container

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
        pythons: Mapping[str, PythonEnvironment],
        *,
        dbt: PythonEnvironment,
        database: Path,
    ) -> None:
        self.stack = stack
        self.folder = folder
        self.pythons = pythons
        self.dbt = dbt
        self.database = database
        self.base = copy.deepcopy(stack.config)
        self._pods = 0

    def provision(
        self,
        config: Mapping[str, Any],
        *,
        existing: Mapping[str, Mapping[str, str]] | None = None,
        **agent: Any,
    ) -> None:
        """`pulumi up` with these keys of the stack replaced, and these of `agent`; Secrets of others are made before."""
        wanted = copy.deepcopy(self.base) | copy.deepcopy(dict(config))
        wanted["agent"] = copy.deepcopy(self.base["agent"]) | agent
        wanted["agent"]["env"] = {**ENVIRONMENT, **wanted["agent"].get("env", {})}
        for name, data in (existing or {}).items():
            self._make_secret(name, data)
        self.stack.up(wanted)

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
        provider: str = "1.0.1",
        container: Container | None = None,
    ) -> Pod:
        """A new Pod of a Deployment, with empty storage, in a Python with that version of the Git provider.

        A worker gets a database to run Dags in.
        """
        self._pods += 1
        folder = self.folder / f"pod-{self._pods}"
        return Pod(
            container or self.container(deployment),
            folder,
            self.pythons[provider],
            dbt=self.dbt,
            database=self.database if deployment == WORKER else None,
        )


def spellings(secret: str) -> Iterator[str]:
    """Forms in which a secret could stand in a file or an argument."""
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
    for written in ("tmp", "airflow", "home"):
        for folder, _, names in os.walk(pod.folder / written):
            for path in (Path(folder, name) for name in names):
                if path.is_file() and any(needle in path.read_bytes() for needle in needles):
                    found.add("disk")
    return found


def _headers(pod: Pod) -> list[str]:
    """The encoded credentials of HTTP headers that the Pod was given."""
    values = pod.container.secrets().values()
    return [value.split()[-1] for value in values if value.startswith("Authorization: ")]
