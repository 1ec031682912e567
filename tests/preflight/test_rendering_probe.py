"""The rendered release: templates that fail, and objects that a real API server does not take."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from preflight.report import Report
from tests.preflight.conftest import OURS, Trial, expect, expect_nothing, only, report_of
from tests.support import foreign_chart
from tests.support.charts import chart_files, chart_package, chart_repository
from tests.support.http_server import HttpServer
from tests.support.keda import keda
from tests.support.kube_objects import kubectl, make
from tests.support.stacks import ROOT, with_agent

NAME = "astro-remote-execution-agent"
STAND_IN = ROOT / "trial/chart" / NAME
SIDECAR = {"loggingSidecar": {"enabled": True}}
MISSING_MOUNT = {"volumeMounts": [{"name": "nothing", "mountPath": "/x"}]}


@pytest.fixture(autouse=True)
def _helm_on_path(helm_program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{helm_program.parent}:{os.environ['PATH']}")


@pytest.fixture
def served() -> Iterator[Callable[..., str]]:
    """Serves the stand-in with more templates; returns the repository's URL."""
    hosts = []

    def serve(**templates: str) -> str:
        files = chart_files(STAND_IN) | {f"templates/{name}.yaml": text for name, text in templates.items()}
        package = chart_package(NAME, "2.3.3", files)
        hosts.append(HttpServer(chart_repository(NAME, {"2.3.3": package})))
        return hosts[-1].url()

    yield serve
    for host in hosts:
        host.stop()


def _report(url: str, **agent: Any) -> Report:
    config = with_agent(chart={"repository": url, "version": "2.3.3"}, **agent)
    return report_of({**config, "preflight": {"checks": only("chart"), "timeout": 30}})


def test_a_sidecar_without_its_volume(served: Callable[..., str]) -> None:
    report = _report(served(), values=SIDECAR)
    says = "needs the volume task-logs, which astro-agent-worker-default-worker does not have"
    expect(report, "chart.render", "failed", at="agent.values.loggingSidecar.enabled", says=says)


@pytest.mark.parametrize(
    ("template", "agent", "key"),
    [
        ('{{ fail "workers must not be called default-worker" }}', {}, "agent.workers"),
        ("{{ .Values.openLineage.url.host }}", {}, "agent.openLineage.url"),
        (
            "{{ .Values.labels.team.name }}",
            {"values": {"labels": {"team": "x"}}},
            "agent.values.labels.team.name",
        ),
    ],
)
def test_a_template_that_names_a_value(
    served: Callable[..., str], template: str, agent: dict[str, Any], key: str
) -> None:
    expect(_report(served(more=template), **agent), "chart.render", "failed", at=key)


def test_a_template_that_is_broken(served: Callable[..., str]) -> None:
    report = _report(served(more='{{ fail "no way" }}'))
    expect(report, "chart.render", "broken", at="agent.chart.version", says="(no way)")


def test_a_machine_without_helm(served: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    url = served()
    monkeypatch.setenv("PATH", "/nowhere")
    report = _report(url, values=SIDECAR)
    expect(report, "chart.render", "unrendered", at="agent.chart", says="no helm on PATH")
    expect_nothing(report)


def test_a_value_that_the_schema_refuses_is_reported_once(served: Callable[..., str]) -> None:
    report = _report(served(), values={"logLevel": {"not": "text"}})
    expect(report, "chart.values", "refused", at="agent.values.logLevel")
    assert len(report.errors) == 1


def test_the_schema_of_a_chart_within_the_chart() -> None:
    with foreign_chart.served() as chart:
        config = with_agent(chart=chart, values={"beacon": {"enabled": True, "port": "x"}})
        report = report_of({**config, "preflight": {"checks": only("chart"), "timeout": 30}})
    expect(report, "chart.values", "refused", at="agent.values.beacon.port", says="it needs the type integer")
    assert len(report.errors) == 1


@pytest.mark.preflight
def test_an_object_of_a_chart_within_the_chart(trial: Trial, namespace: str) -> None:
    beacon = {"enabled": True, "protocol": "SCTPX"}
    with foreign_chart.served() as chart:
        report = trial.report("chart", "cluster", agent={"chart": chart, "values": {"beacon": beacon}})
    says = "Service astro-agent-beacon, which the cluster rejects"
    expect(report, "cluster.objects", "invalid", at="agent.values.beacon", says=says)


@pytest.mark.preflight
def test_objects_of_this_program(trial: Trial) -> None:
    """Before and after their namespace exists, and once they exist themselves."""
    query = {"serverAddress": "http://prometheus:9090", "query": "x", "threshold": 20}
    scaling = {"maxReplicas": 3, "keda": {"triggers": [{"type": "prometheus", "metadata": query}]}}
    budget = {"workers": {"minAvailable": 1, "selector": {"team": "not a label"}}}
    workers: list[dict[str, Any]] = [{"name": "w", "autoscaling": scaling}]
    agent: dict[str, Any] = {"workers": workers, "disruptionBudgets": budget}
    name = str(trial.config["agent"]["namespace"])
    with keda(trial.environment):
        try:
            for prepare in (None, "Namespace", "PodDisruptionBudget"):
                if prepare == "Namespace":
                    make(trial.environment, prepare, name, labels=OURS)
                elif prepare:
                    spec = {"minAvailable": 1, "selector": {"matchLabels": {"team": "a"}}}
                    make(trial.environment, f"policy/v1/{prepare}", "astro-agent-worker", name, spec=spec)
                report = trial.report("chart", "cluster", agent=agent)
                at = "agent.workers[0].autoscaling.keda.triggers[0].metadata.threshold"
                says = "ScaledObject astro-agent-worker-w, which the cluster rejects"
                expect(report, "cluster.objects", "invalid", at=at, says=says)
                assert [item.key for item in report.errors if "disruptionBudgets" in item.key] == [
                    "astro-dbt:agent.disruptionBudgets.workers.selector.matchLabels"
                ]
            query["threshold"], budget["workers"]["selector"] = "20", {"team": "a"}
            secret = {"secretTargetRef": [{"parameter": "bearerToken", "name": "prometheus", "key": "token"}]}
            make(trial.environment, "keda.sh/v1alpha1/TriggerAuthentication", "login", name, spec=secret)
            prometheus = {
                "prometheus": "https://prometheus:9090",
                "authentication": "login",
                "authModes": "bearer",
            }
            to_zero = {"query": "sum(tasks)", "pollingInterval": 10, "cooldownPeriod": 0}
            for worker, keda_settings in (("one", prometheus), ("zero", {**prometheus, **to_zero})):
                least = 0 if worker == "zero" else 1
                scaling = {"minReplicas": least, "maxReplicas": 3, "keda": keda_settings}
                workers.append({"name": worker, "queues": [worker], "autoscaling": scaling})
            report = trial.report("chart", "cluster", agent=agent)
            expect_nothing(report, but=("preflight.level", "cluster.api"))
        finally:
            kubectl(trial.environment, "delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.mark.preflight
def test_objects_before_their_namespace(trial: Trial) -> None:
    agent = {"workers": [{"name": "w", "values": MISSING_MOUNT}, {"name": "v", "queues": ["v"]}]}
    report = trial.report("chart", "cluster", agent=agent)
    says = "Deployment astro-agent-worker-w, which the cluster rejects"
    expect(report, "cluster.objects", "invalid", at="agent.workers[0].values.volumeMounts", says=says)
    expect(report, "cluster.objects", "unverified", at="agent.cluster", says="tried in default")
    assert len(report.errors) == 1
    assert kubectl(trial.environment, "get", "deployments", "--namespace=default", "--output=name") == ""


@pytest.mark.preflight
def test_objects_that_the_cluster_takes(trial: Trial, namespace: str) -> None:
    report = trial.report(
        "chart",
        "cluster",
        agent={"podSecurity": "restricted", "workers": [{"name": "w", "autoscaling": {"maxReplicas": 3}}]},
    )
    expect_nothing(report, but=("preflight.level", "cluster.api"))
    assert not [item for item in report.findings if item.check in {"cluster.objects", "chart.render"}]
    assert report.objects is not None
    assert report.objects.deployed == ()
    assert report.objects.rendered
    assert set(report.objects.live.values()) == {None}
    assert kubectl(trial.environment, "get", "deployments", f"--namespace={namespace}", "--output=name") == ""


@pytest.mark.preflight
def test_one_value_that_spoils_several_objects_is_one_finding(trial: Trial, namespace: str) -> None:
    agent = {"values": {"labels": {"team": "not a label"}}}
    report = trial.report("chart", "cluster", agent=agent)
    finding = expect(report, "cluster.objects", "invalid", at="agent.values.labels", says="metadata.labels")
    assert "Deployment astro-agent-triggerer" in finding.message
    assert {item.key for item in report.errors} == {"astro-dbt:agent.values.labels"}
    assert len(report.errors) <= 3, "labels of objects, of Pods and of selectors have separate fields"


@pytest.mark.preflight
def test_a_typed_setting_leads_to_its_own_key(trial: Trial, namespace: str) -> None:
    resources = {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}
    report = trial.report("chart", "cluster", agent={"workers": [{"name": "w", "resources": resources}]})
    expect(
        report,
        "cluster.objects",
        "invalid",
        at="agent.workers[0].resources",
        says="less than or equal to cpu limit",
    )


@pytest.mark.preflight
def test_a_field_that_kubernetes_does_not_know(trial: Trial, namespace: str) -> None:
    mounts = {"volumes": [{"name": "v", "emptyDir": {"sizeLimt": "1Gi"}}]}
    report = trial.report("chart", "cluster", agent={"triggerer": {"values": mounts}})
    expect(report, "cluster.objects", "dropped", at="agent.triggerer.values.volumes", says="sizeLimt")


@pytest.mark.preflight
def test_objects_of_another_manager_in_the_way(trial: Trial, namespace: str) -> None:
    make(trial.environment, "ServiceAccount", "astro-agent-triggerer", namespace)
    report = trial.report("chart", "cluster")
    says = "ServiceAccount astro-agent-triggerer, which exists in"
    found = [item for item in report.findings if item.check == "cluster.objects"]
    expect(report, "cluster.objects", "foreign", at=found[0].key.removeprefix("astro-dbt:"), says=says)
    assert len(found) == 1


@pytest.mark.preflight
def test_kinds_that_the_cluster_does_not_have(
    trial: Trial, namespace: str, served: Callable[..., str]
) -> None:
    more = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: astro-agent-worker-default-worker}\n"
    asks = '{{ if .Capabilities.APIVersions.Has "keda.sh/v1alpha1" }}{{ fail "reported wrong" }}{{ end }}'
    asks += '{{ if not (.Capabilities.APIVersions.Has "apps/v1/Deployment") }}{{ fail "reported nothing" }}{{ end }}'
    chart = {"repository": served(keda=more, asks=asks), "version": "2.3.3"}
    report = trial.report("chart", "cluster", agent={"chart": chart})
    says = "no ScaledObject in keda.sh/v1alpha1"
    expect(report, "cluster.objects", "unknown-kind", at="agent.workers[0]", says=says)


@pytest.mark.preflight
def test_a_webhook_that_cannot_be_tried_is_one_info(trial: Trial, namespace: str) -> None:
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["deployments"],
    }
    hook = {
        "name": "side.effects.example.com", "sideEffects": "NoneOnDryRun", "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://127.0.0.1:1/"}, "rules": [rule], "failurePolicy": "Fail",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
    }  # fmt: skip
    kind = "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration"
    make(trial.environment, kind, namespace, webhooks=[hook])
    try:
        report = _until(trial, lambda found: any(item.check == "cluster.objects" for item in found.findings))
        expect(report, "cluster.objects", "unverified", at="agent.cluster", says="side.effects.example.com")
        expect_nothing(report)
    finally:
        kubectl(trial.environment, "delete", "validatingwebhookconfiguration", namespace)


@pytest.mark.preflight
def test_a_policy_of_the_cluster(trial: Trial, namespace: str) -> None:
    group = "admissionregistration.k8s.io/v1"
    rule = {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["deployments"],
    }
    make(
        trial.environment, f"{group}/ValidatingAdmissionPolicy", namespace,
        spec={
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "object.metadata.name.endsWith('x')", "message": "names end with x"}],
        },
    )  # fmt: skip
    selector = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    make(
        trial.environment, f"{group}/ValidatingAdmissionPolicyBinding", namespace,
        spec={"policyName": namespace, "validationActions": ["Deny"], "matchResources": selector},
    )  # fmt: skip
    try:
        report = _until(trial, lambda found: bool(found.errors))
        expect(report, "cluster.objects", "denied", at="agent.triggerer", says="names end with x")
    finally:
        for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
            kubectl(trial.environment, "delete", kind, namespace)


@pytest.mark.preflight
def test_a_user_who_may_only_read(trial: Trial, namespace: str) -> None:
    make(trial.environment, "ServiceAccount", "reader", namespace)
    make(
        trial.environment, "rbac.authorization.k8s.io/v1/RoleBinding", "reader", namespace,
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        subjects=[{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}],
    )  # fmt: skip
    token = kubectl(trial.environment, "create", "token", "reader", "--namespace", namespace).strip()
    content = yaml.safe_load(Path(trial.info.kubeconfig).read_text())
    content["users"][0]["user"] = {"token": token}
    agent = {"cluster": {"context": trial.info.context}}
    report = trial.report("chart", "cluster", agent=agent, kubeconfig=yaml.safe_dump(content))
    expect(report, "cluster.objects", "unverified", at="agent.cluster", says="cannot create resource")
    assert not [item for item in report.errors if item.check == "cluster.objects"]


def _until(trial: Trial, settled: Callable[[Report], bool]) -> Report:
    """The report once admission has learned of a new rule, which takes the API server a moment."""
    for _ in range(60):
        report = trial.report("chart", "cluster")
        if settled(report):
            return report
        time.sleep(0.5)
    raise AssertionError("the rule never came into force")
