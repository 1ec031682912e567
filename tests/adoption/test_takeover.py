"""Taking over what exists, by the commands that a finding offers or that `from-values` prints."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.engine import Stack
from tests.support.kube_objects import kubectl, make
from tests.support.stacks import ROOT

pytestmark = [pytest.mark.preflight, pytest.mark.engine]


def test_a_namespace_is_adopted_in_place(stack: Stack) -> None:
    make(stack.environment, "Namespace", stack.namespace)
    uid = kubectl(stack.environment, "get", "namespace", stack.namespace, "--output=jsonpath={.metadata.uid}")
    done = stack.preview()
    assert done.returncode != 0
    said = " ".join((done.stdout + done.stderr).split())
    offered = re.search(
        r"`(python -m adoption import-file namespace \S+) > adopt\.json && (pulumi import [^`]+)`", said
    )
    assert offered, said

    label = f"astro-dbt/stack=astro-dbt.{stack.name}"
    kubectl(stack.environment, "label", "namespace", stack.namespace, label)
    written = stack.run(_python(stack), *offered[1].split()[1:])
    assert written.stderr == ""
    (stack.folder / "adopt.json").write_text(written.stdout)
    adopted = stack.pulumi(*offered[2].split()[1:], "--yes")
    assert adopted.returncode == 0, adopted.stdout + adopted.stderr
    stack.up()
    again = kubectl(
        stack.environment, "get", "namespace", stack.namespace, "--output=jsonpath={.metadata.uid}"
    )
    assert again == uid, "adopted, not made anew"


def _python(stack: Stack) -> str:
    return str(stack.folder / ".venv/bin/python")


class HandMade:
    """A release as the vendor's page has it made: kubectl for the Secrets, Helm with a values file."""

    def __init__(self, stack: Stack, version: str) -> None:
        self.stack, self.version = stack, version
        self.image = stack.info.base_image
        self.values = self._values()
        (stack.folder / "values.yaml").write_text(yaml.safe_dump(self.values, sort_keys=False))

    def _values(self) -> dict[str, Any]:
        bundle = {
            "name": "dags",
            "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
            "kwargs": {
                "tracking_ref": "main",
                "git_conn_id": "git_default",
                "subdir": "dags",
                "submodules": True,
            },
        }
        ids = ("ORGANIZATION_ID", "WORKSPACE_ID", "DEPLOYMENT_ID", "DEPLOYMENT_NAMESPACE")
        connection = {"secretKeyRef": {"name": "git-credentials", "key": "airflow-connection"}}
        values: dict[str, Any] = {
            "resourceNamePrefix": "astro-agent",
            "namespace": self.stack.namespace,
            "createNamespace": False,
            "astroDeploymentAPIURL": "https://trial.external.astronomer.run/dtrial00",
            "imagePullSecretName": "registry-credentials",
            "agentTokenSecretName": "agent-token",
            "dagBundleConfigList": json.dumps([bundle]),
            "commonEnv": [
                {"name": "TZ", "value": "Europe/Berlin"},
                *({"name": f"ASTRO_{name}", "value": f"v-{name.lower()}"} for name in ids),
                {"name": "AIRFLOW_CONN_GIT_DEFAULT", "valueFrom": connection},
                {"name": "AIRFLOW__CORE__PARALLELISM", "value": "16"},
            ],
            "workers": [
                {
                    "name": "default-worker",
                    "queues": "default",
                    "replicas": 2,
                    "terminationGracePeriodSeconds": 5,
                }
            ],
            "logLevel": "DEBUG",
        }
        if self.version.startswith("2"):
            values |= {"image": self.image, "openLineage": {"enabled": False}}
        else:
            values |= {"dagProcessor": {"image": self.image}, "triggerer": {"image": self.image}}
            values["workers"][0]["image"] = self.image
        return values

    def install(self) -> None:
        """The commands of the vendor's page."""
        stack = self.stack
        kubectl(stack.environment, "create", "namespace", stack.namespace)
        connection = {
            "conn_type": "git",
            "host": f"{stack.info.git.url}/platform/dags.git",
            "login": stack.info.git.username,
            "password": stack.info.git.token,
        }
        for name, entry in {
            "agent-token": "token=canary",
            "git-credentials": f"airflow-connection={json.dumps(connection)}",
        }.items():
            stack.kubectl("create", "secret", "generic", name, f"--from-literal={entry}")
        stack.kubectl(
            "create", "secret", "docker-registry", "registry-credentials",
            "--docker-server=r.example.com", "--docker-username=u", "--docker-password=p",
        )  # fmt: skip
        done = stack.run(
            "helm", "upgrade", "--install", "astro-agent", "astro-remote-execution-agent",
            "--repo", stack.info.chart_repository, "--version", self.version,
            "--namespace", stack.namespace, "--values", "values.yaml", "--wait",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def pods(self) -> dict[str, str]:
        """Name -> UID of every Pod, with the generations of the Deployments."""
        found = json.loads(self.stack.kubectl("get", "pods,replicasets,deployments", "--output=json"))[
            "items"
        ]
        uids = {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["uid"] for item in found}
        generations = {
            f"generation of {item['metadata']['name']}": str(item["metadata"]["generation"])
            for item in found
            if item["kind"] == "Deployment"
        }
        return {**uids, **generations}


@pytest.mark.parametrize("version", ["2.3.3", "1.0.2"])
def test_a_release_made_by_hand_is_taken_over_without_a_restart(stack: Stack, version: str) -> None:
    made = HandMade(stack, version)
    made.install()
    before = made.pods()
    started = time.monotonic()
    printed = stack.run(
        _python(stack), "-m", "adoption", "from-values", "--release", f"{stack.namespace}/astro-agent",
        "--context", stack.info.context, "--stack", stack.name, "--chart-repository", stack.info.chart_repository,
        "--astro-project", str(astro_project(stack)),
    )  # fmt: skip
    assert printed.returncode == 0, printed.stdout + printed.stderr
    assert stack.info.git.token not in printed.stdout
    print(printed.stdout)
    file = stack.folder / "stacks" / f"Pulumi.{stack.name}.yaml"
    print(file.read_text())
    content = yaml.safe_load(file.read_text())
    content["config"]["astro-dbt:preflight"] = {
        "checks": {"git": {"level": "off", "reason": "the trial's authority is not this machine's"}}
    }
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    steps = printed.stdout.partition("Then:")[2].splitlines()
    for step in map(str.strip, steps):
        if not step or step.startswith("pulumi stack init"):
            continue
        command = step.replace("python -m", f"{_python(stack)} -m")
        if command.startswith("pulumi"):
            command += " --non-interactive"
        command = command.replace("pulumi import", "pulumi import --yes --non-interactive")
        if command.startswith("pulumi up"):
            command += " --yes --skip-preview"
        done = stack.run("bash", "-c", f"set -o pipefail; {command}")
        print("$", step, "\n", done.stdout, done.stderr)
        assert done.returncode == 0, step + done.stdout + done.stderr
    print(f"took {time.monotonic() - started:.0f} s")
    assert made.pods() == before


def astro_project(stack: Stack) -> Path:
    """The Astro project of the release: the example's Dag repository with its submodule registered."""
    folder = stack.folder / "astro-project"
    (folder / "dags" / "dbt" / "jaffle").mkdir(parents=True)
    for name in ("Dockerfile.client", "requirements-client.txt", "packages-client.txt"):
        (folder / name).write_text((ROOT / "examples" / "dag-repo" / name).read_text())
    (folder / "dags" / "dbt" / "jaffle" / "dbt_project.yml").write_text("name: jaffle\n")
    url = f"{stack.info.git.url}/analytics/jaffle.git"
    (folder / ".gitmodules").write_text(f'[submodule "jaffle"]\n\tpath = dags/dbt/jaffle\n\turl = {url}\n')
    return folder
