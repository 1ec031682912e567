"""A release as the vendor's page has it made: kubectl for the Secrets, Helm with a values file."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.support.kube_objects import kubectl
from tests.support.stacks import ROOT
from trial.environment import Environment


class HandMade:
    """A release as the vendor's page has it made: kubectl for the Secrets, Helm with a values file."""

    def __init__(
        self,
        environment: Environment,
        folder: Path,
        namespace: str,
        version: str,
        *,
        where: str | None = None,
    ) -> None:
        self.environment, self.folder, self.namespace, self.version = environment, folder, namespace, version
        self.where = where or namespace
        """Namespace of Helm's records."""
        self.info = environment.info()
        self.values = self._values()
        (folder / "values.yaml").write_text(yaml.safe_dump(self.values, sort_keys=False))

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
            "namespace": self.namespace,
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
        }
        if self.version.startswith("2"):
            values |= {"image": self.info.base_image, "openLineage": {"enabled": False}}
        else:
            values |= {
                "dagProcessor": {"image": self.info.base_image},
                "triggerer": {"image": self.info.base_image},
            }
            values["workers"][0]["image"] = self.info.base_image
        return values

    def install(self) -> None:
        """The commands of the vendor's page."""
        kubectl(self.environment, "create", "namespace", self.namespace)
        if self.values["createNamespace"]:  # Helm takes over what carries its marks
            owner = (
                "meta.helm.sh/release-name=astro-agent",
                f"meta.helm.sh/release-namespace={self.where}",
            )
            kubectl(
                self.environment, "label", "namespace", self.namespace, "app.kubernetes.io/managed-by=Helm"
            )
            kubectl(self.environment, "annotate", "namespace", self.namespace, *owner)
        connection = {
            "conn_type": "git",
            "host": f"{self.info.git.url}/platform/dags.git",
            "login": self.info.git.username,
            "password": self.info.git.token,
        }
        for name, entry in {
            "agent-token": "token=canary",
            "git-credentials": f"airflow-connection={json.dumps(connection)}",
        }.items():
            self.kubectl("create", "secret", "generic", name, f"--from-literal={entry}")
        self.kubectl(
            "create", "secret", "docker-registry", "registry-credentials",
            "--docker-server=r.example.com", "--docker-username=u", "--docker-password=p",
        )  # fmt: skip
        done = self._helm(
            "upgrade", "--install", "astro-agent", "astro-remote-execution-agent",
            "--repo", self.info.chart_repository, "--version", self.version,
            "--namespace", self.where, "--values", "values.yaml", "--set", "logLevel=DEBUG", "--wait",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def kubectl(self, *arguments: str) -> str:
        """Output of kubectl on the agents' namespace."""
        return kubectl(self.environment, "--namespace", self.namespace, *arguments)

    def uninstall(self) -> None:
        """Remove the release, if it is there."""
        self._helm("uninstall", "astro-agent", "--namespace", self.where, "--ignore-not-found", "--wait")

    def _helm(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["helm", *arguments],
            cwd=self.folder, env=self.environment.variables(), capture_output=True, text=True, check=False,
        )  # fmt: skip

    def history(self) -> list[int]:
        """Helm's revisions."""
        done = self._helm("history", "astro-agent", "--namespace", self.where, "--output", "json")
        assert done.returncode == 0, done.stderr
        return [item["revision"] for item in json.loads(done.stdout)]

    def pods(self) -> dict[str, str]:
        """Name -> UID of every Pod, with the generations of the Deployments."""
        found = json.loads(self.kubectl("get", "pods,replicasets,deployments", "--output=json"))["items"]
        uids = {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["uid"] for item in found}
        generations = {
            f"generation of {item['metadata']['name']}": str(item["metadata"]["generation"])
            for item in found
            if item["kind"] == "Deployment"
        }
        return {**uids, **generations}


def astro_project(folder: Path, git_url: str) -> Path:
    """The Astro project of the release: the example's Dag repository with its submodule registered."""
    (folder / "dags" / "dbt" / "jaffle").mkdir(parents=True)
    for name in ("Dockerfile.client", "requirements-client.txt", "packages-client.txt"):
        (folder / name).write_text((ROOT / "examples" / "dag-repo" / name).read_text())
    (folder / "dags" / "dbt" / "jaffle" / "dbt_project.yml").write_text("name: jaffle\n")
    url = f"{git_url}/analytics/jaffle.git"
    (folder / ".gitmodules").write_text(f'[submodule "jaffle"]\n\tpath = dags/dbt/jaffle\n\turl = {url}\n')
    return folder
