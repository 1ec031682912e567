"""Taking over what exists, by the commands that a finding offers or that `from-values` prints."""

from __future__ import annotations

import json
import re
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
    printed = " ".join((done.stdout + done.stderr).split())
    offered = re.search(
        r"`(python -m adoption import-file namespace \S+) > adopt\.json && (pulumi import [^`]+)`", printed
    )
    assert offered, printed

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
    assert again == uid, "adopted, not created again"


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
            "createNamespace": self.version.startswith("1"),
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
        if self.values["createNamespace"]:  # Helm takes over what carries its marks
            owner = (
                "meta.helm.sh/release-name=astro-agent",
                f"meta.helm.sh/release-namespace={stack.namespace}",
            )
            kubectl(
                stack.environment, "label", "namespace", stack.namespace, "app.kubernetes.io/managed-by=Helm"
            )
            kubectl(stack.environment, "annotate", "namespace", stack.namespace, *owner)
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


def config_of(stack: Stack) -> dict[str, Any]:
    """The stack file's content."""
    content: dict[str, Any] = yaml.safe_load(file_of(stack).read_text())
    return content


def file_of(stack: Stack) -> Path:
    """The stack file."""
    return stack.folder / "stacks" / f"Pulumi.{stack.name}.yaml"


def run(stack: Stack, step: str) -> str:
    """Run a printed command as a person would, without the questions."""
    command = step.replace("python -m", f"{_python(stack)} -m")
    for verb, answers in {"import": "--yes", "up": "--yes --skip-preview", "preview": ""}.items():
        command = command.replace(f"pulumi {verb}", f"pulumi {verb} {answers} --non-interactive")
    done = stack.run("bash", "-c", f"set -o pipefail; {command}")
    assert done.returncode == 0, step + done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("version", ["2.3.3", "1.0.2"])
def test_taken_over_without_a_restart(stack: Stack, version: str) -> None:
    """Chart 1.x with a namespace that the chart created, too."""
    made = HandMade(stack, version)
    made.install()
    before = made.pods()
    printed = stack.run(
        _python(stack), "-m", "adoption", "from-values", "--release", f"{stack.namespace}/astro-agent",
        "--context", stack.info.context, "--stack", stack.name, "--chart-repository", stack.info.chart_repository,
        "--astro-project", str(astro_project(stack)),
    )  # fmt: skip
    assert printed.returncode == 0, printed.stdout + printed.stderr
    assert "Nothing changes for the agents" in printed.stdout
    assert stack.info.git.token not in printed.stdout + file_of(stack).read_text()
    content = config_of(stack)
    content["config"]["astro-dbt:preflight"] = {
        "checks": {"git": {"level": "off", "reason": "the trial's authority is not this machine's"}}
    }
    file_of(stack).write_text(yaml.safe_dump(content, sort_keys=False))

    steps = [line.strip() for line in printed.stdout.partition("Then:")[2].splitlines() if line.strip()]
    assert steps[0] == f"pulumi stack init {stack.name}"
    shown = {step.split()[1]: run(stack, step) for step in steps[1:]}
    preview = " ".join(shown["preview"].split())
    assert "nothing to do for its Pods, none restarts" in preview
    assert "agent.withheld.commonEnv.GIT_TERMINAL_PROMPT: Git fails at once" in preview
    assert made.pods() == before
    assert stack.history() == [1, 2], "its history continues"
    assert stack.changes(stack.engine.up(color="never")) == {}

    agent = content["config"]["astro-dbt:agent"]
    del agent["withheld"]["commonEnv.GIT_TERMINAL_PROMPT"]
    if version.startswith("1"):
        del agent["withheld"]["createNamespace"], agent["values"]["createNamespace"]
    file_of(stack).write_text(yaml.safe_dump(content, sort_keys=False))
    done = stack.pulumi("preview")
    text = " ".join((done.stdout + done.stderr).split())
    assert "so Pods restart once; they differ in commonEnv.GIT_TERMINAL_PROMPT" in text
    assert ("Helm would delete it with everything in it" in text) is version.startswith("1")
    assert (done.returncode != 0) is version.startswith("1")


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
