"""Releases made by a real Helm, and left as a killed Helm leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import delivery
from adoption.withhold import our_values
from clients.helm import history as helm_release
from clients.kubernetes import connect
from settings.authorities import authorities
from tests.preflight.conftest import Trial, expect, expect_nothing
from tests.support.helm import NAME, Helm
from tests.support.kube_objects import kubectl, make
from tests.support.stacks import ROOT, settings_of
from tests.support.web_hosts import chart_package, chart_repository, web_host

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


def _held_by_helm(trial: Trial, helm: Helm) -> None:
    """The namespace as an object of the release, as `createNamespace: true` of the chart has it."""
    owner = (f"meta.helm.sh/release-name={NAME}", f"meta.helm.sh/release-namespace={helm.namespace}")
    kubectl(
        trial.environment,
        "label",
        "namespace",
        helm.namespace,
        "app.kubernetes.io/managed-by=Helm",
        "--overwrite",
    )
    kubectl(trial.environment, "annotate", "namespace", helm.namespace, *owner)
    done = helm.upgrade({"more": [{"kind": "Namespace", "name": helm.namespace}]})
    assert done.returncode == 0, done.stderr


def test_a_namespace_that_helm_would_delete(trial: Trial, helm: Helm) -> None:
    _held_by_helm(trial, helm)
    kubectl(
        trial.environment,
        "label",
        "namespace",
        helm.namespace,
        *(f"{k}={v}" for k, v in OURS.items()),
        "--overwrite",
    )
    report = trial.look("cluster", agent={"createNamespace": False})
    expect(
        report, "cluster.release", "holds-namespace", at="agent.createNamespace", says="resource-policy=keep"
    )
    kubectl(trial.environment, "annotate", "namespace", helm.namespace, "helm.sh/resource-policy=keep")
    expect_nothing(trial.look("cluster", agent={"createNamespace": False}))


def test_an_adopted_release_keeps_what_it_has(trial: Trial, helm: Helm) -> None:
    name = "astro-remote-execution-agent"
    package = chart_package(name, "1.0.0", {"values.yaml": "logLevel: INFO\n"})
    with web_host(chart_repository(name, {"1.0.0": package})) as host:
        agent = {
            "createNamespace": False,
            "chart": {"repository": host.url, "version": "1.0.0"},
            "withheld": {"commonEnv.GIT_TERMINAL_PROMPT": "the release was made by hand"},
        }
        config = {**trial.config, "agent": {**trial.config["agent"], **agent}}
        settings = settings_of(config)
        plan = delivery.plan(settings, authorities=authorities(settings, ROOT))
        values = our_values(settings, plan)
        assert helm.upgrade(values).returncode == 0
        report = trial.look("cluster", agent=agent)
        expect(report, "cluster.adopted", "same", at="agent.release", says="nothing to do for its Pods")
        report = trial.look("cluster", agent={**agent, "env": {"A": "1"}})
        expect(report, "cluster.adopted", "changed", at="agent.release", says="commonEnv.A")
        report = trial.look("cluster", agent={**agent, "values": {"logLevel": "INFO"}})
        expect(report, "cluster.adopted", "same", at="agent.release", says="revision 1")
