"""Releases made by a real Helm, and left as a killed Helm leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.helm import history as helm_release
from clients.kubernetes import connect
from tests.preflight.conftest import Trial, expect, expect_nothing
from tests.support.helm import NAME, Helm
from tests.support.kube_objects import kubectl, make

pytestmark = pytest.mark.preflight

OURS = {"astro-dbt/stack": "astro-dbt.dev"}


@pytest.fixture
def helm(trial: Trial, tmp_path: Path) -> Iterator[Helm]:
    """Helm in the stack's own namespace."""
    namespace = str(trial.config["agent"]["namespace"])
    make(trial.environment, "Namespace", namespace, labels=OURS)
    yield Helm(trial.environment, namespace, tmp_path)
    kubectl(trial.environment, "delete", "namespace", namespace, "--wait=false")


def test_a_release_of_ours_is_good(trial: Trial, helm: Helm) -> None:
    assert helm.upgrade().returncode == 0
    expect_nothing(trial.look("cluster"))


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
def test_a_release_that_a_killed_helm_left(trial: Trial, helm: Helm, status: str) -> None:
    assert helm.upgrade().returncode == 0
    helm.break_off(status)
    finding = expect(trial.look("cluster"), "cluster.release", "pending", at="agent.release", says=status)
    assert finding.severity == "warning"


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
