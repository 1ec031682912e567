"""Releases made by a real Helm, and left as a killed Helm leaves them."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from preflight import helm_release
from preflight.kube import RefusedError, connect
from tests.preflight.conftest import Trial, expect, expect_nothing
from tests.support.kube_objects import kubectl, make

pytestmark = pytest.mark.preflight

OURS = {"astro-dbt/stack": "astro-dbt.dev"}
NAME = "astro-agent"
_TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  values: {{ toJson .Values | quote }}
"""


class Helm:
    """The trial's Helm in one namespace."""

    def __init__(self, trial: Trial, namespace: str, folder: Path) -> None:
        self.trial, self.namespace, self.folder = trial, namespace, folder

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Helm."""
        command = ["helm", "--namespace", self.namespace, *arguments]
        variables = dict(self.trial.environment.variables())
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

    def upgrade(self, values: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        """Install or upgrade a release of a small chart."""
        folder = self.folder / "chart"
        (folder / "templates").mkdir(parents=True, exist_ok=True)
        (folder / "Chart.yaml").write_text("apiVersion: v2\nname: small\nversion: 1.0.0\n")
        (folder / "templates" / "map.yaml").write_text(_TEMPLATE)
        (folder / "values.json").write_text(json.dumps(values or {}))
        return self.run("upgrade", "--install", NAME, str(folder), "--values", str(folder / "values.json"))

    def break_off(self, status: str) -> None:
        """Turn the newest revision into what a killed Helm leaves: its record says that it is at work."""
        found = self.secrets()[-1]
        record = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(found["data"]["release"]))))
        record["info"]["status"] = status
        packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode()))).decode()
        patch = {"metadata": {"labels": {"status": status}}, "data": {"release": packed}}
        kubectl(
            self.trial.environment, "patch", "secret", found["metadata"]["name"], "--namespace", self.namespace,
            "--type=merge", f"--patch={json.dumps(patch)}",
        )  # fmt: skip

    def secrets(self) -> list[Any]:
        """The records of all revisions, the oldest first."""
        text = kubectl(
            self.trial.environment, "get", "secrets", "--namespace", self.namespace,
            f"--selector=owner=helm,name={NAME}", "--output=json",
        )  # fmt: skip
        return sorted(json.loads(text)["items"], key=lambda item: int(item["metadata"]["labels"]["version"]))

    def unlock(self) -> helm_release.Revision | None:
        """The cure."""
        info = self.trial.info
        return helm_release.unlock(
            namespace=self.namespace, name=NAME, kubeconfig=info.kubeconfig, context=info.context
        )


@pytest.fixture
def helm(trial: Trial, tmp_path: Path) -> Iterator[Helm]:
    """Helm in the stack's own namespace."""
    namespace = str(trial.config["agent"]["namespace"])
    make(trial.environment, "Namespace", namespace, labels=OURS)
    yield Helm(trial, namespace, tmp_path)
    kubectl(trial.environment, "delete", "namespace", namespace, "--wait=false")


def test_a_release_of_ours_is_good(trial: Trial, helm: Helm) -> None:
    assert helm.upgrade().returncode == 0
    expect_nothing(trial.look("cluster"))


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
def test_a_killed_helm_is_found_and_cured(trial: Trial, helm: Helm, status: str) -> None:
    assert helm.upgrade().returncode == 0
    if status != "pending-install":
        assert helm.upgrade({"level": "debug"}).returncode == 0
    helm.break_off(status)
    refused = helm.upgrade()
    assert "another operation" in refused.stderr, "the state must be the one that stops Helm"
    finding = expect(trial.look("cluster"), "cluster.release", "pending", at="agent.release", says=status)
    assert finding.severity == "warning"

    freed = helm.unlock()
    assert freed is not None
    assert freed.status == status
    assert freed.revision == (1 if status == "pending-install" else 2)
    expect_nothing(trial.look("cluster"))
    again = helm.upgrade()
    assert again.returncode == 0, again.stderr
    assert helm.secrets()[-1]["metadata"]["labels"]["status"] == "deployed"


def test_a_release_that_is_not_stuck_is_left_alone(helm: Helm) -> None:
    assert helm.unlock() is None
    helm.upgrade()
    before = helm.secrets()
    assert helm.unlock() is None
    assert helm.secrets() == before


def test_a_record_that_helm_still_writes_is_left_alone(
    trial: Trial, helm: Helm, monkeypatch: pytest.MonkeyPatch
) -> None:
    helm.upgrade()
    helm.break_off("pending-upgrade")
    look = helm_release.release_state

    def overtaken(*arguments: Any, **named: Any) -> helm_release.ReleaseState:
        state = look(*arguments, **named)
        helm.break_off("deployed")
        return state

    monkeypatch.setattr(helm_release, "release_state", overtaken)
    with pytest.raises(RefusedError) as caught:
        helm.unlock()
    assert caught.value.status == 409
    assert len(helm.secrets()) == 1


def test_a_failed_release_goes_on(trial: Trial, helm: Helm) -> None:
    helm.upgrade()
    helm.break_off("failed")
    expect(trial.look("cluster"), "cluster.release", "failed", at="agent.release", says="revision 1")


def test_a_release_that_is_being_removed(trial: Trial, helm: Helm) -> None:
    helm.upgrade()
    helm.break_off("uninstalling")
    expect(
        trial.look("cluster"), "cluster.release", "uninstalling", at="agent.release", says="helm uninstall"
    )


def test_a_release_of_somebody_else(trial: Trial, helm: Helm) -> None:
    kubectl(trial.environment, "label", "namespace", helm.namespace, "astro-dbt/stack-")
    helm.upgrade()
    report = trial.look("cluster", agent={"createNamespace": False})
    expect(report, "cluster.release", "foreign", at="agent.release", says="pulumi import")


def test_a_release_of_this_program_in_a_namespace_of_somebody_else(trial: Trial, helm: Helm) -> None:
    kubectl(trial.environment, "label", "namespace", helm.namespace, "astro-dbt/stack-")
    helm.upgrade({"commonEnv": [{"name": "ASTRO_DBT_SECRETS", "value": "none"}]})
    expect_nothing(trial.look("cluster", agent={"createNamespace": False}))


def test_a_release_whose_history_was_kept_is_gone(trial: Trial, helm: Helm) -> None:
    helm.upgrade()
    assert helm.run("uninstall", NAME, "--keep-history").returncode == 0
    cluster = connect(trial.info.kubeconfig, trial.info.context, timeout=30)
    state = helm_release.release_state(cluster, namespace=helm.namespace, name=NAME)
    assert (state.exists, state.status, state.revision) == (False, "uninstalled", 1)


def test_the_mark_is_that_of_the_component() -> None:
    from components.agent_release import MARK
    from preflight import cluster

    assert cluster.MARK == MARK
