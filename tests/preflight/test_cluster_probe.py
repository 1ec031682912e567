"""The trial's control plane, in every state that a check knows."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients.helm import history as helm_release
from clients.helm import lease
from clients.kubernetes import connect
from tests.preflight.conftest import OURS, Trial, expect, expect_nothing
from tests.support.helm import NAME, Helm
from tests.support.kube_gateway import gateway
from tests.support.kube_objects import kubectl, make

pytestmark = pytest.mark.preflight


def _kubeconfig(trial: Trial, **changes: Any) -> str:
    content = yaml.safe_load(Path(trial.info.kubeconfig).read_text())
    entry = content["clusters"][0]["cluster"]
    for key, value in changes.items():
        entry[key.replace("_", "-")] = value
    return yaml.safe_dump(content)


def _secret_config(trial: Trial, content: str) -> dict[str, Any]:
    agent = {**trial.config["agent"], "cluster": {"context": trial.info.context}}
    return {"kubeconfig": content, "agent": agent}


def test_a_cluster_without_anything_of_ours(trial: Trial) -> None:
    expect_nothing(trial.report("cluster"))


def test_a_cluster_with_everything_of_ours(trial: Trial, namespace: str) -> None:
    make(trial.environment, "Secret", "tokens", namespace, stringData={"token": "canary-t"})
    report = trial.report("cluster", agent={"agentTokenSecret": "tokens"}, agentToken=None)
    expect_nothing(report)
    assert "canary" not in str(report)


def test_a_context_that_does_not_exist(trial: Trial) -> None:
    cluster = {"context": "tryal", "kubeconfig": trial.info.kubeconfig}
    report = trial.report("cluster", agent={"cluster": cluster})
    expect(report, "cluster.reach", "kubeconfig", at="agent.cluster", says="get-contexts")


def test_a_kubeconfig_that_is_damaged(trial: Trial) -> None:
    changes = _secret_config(trial, "canary: 1\ncanary-secret: [\n")
    finding = expect(
        trial.report("cluster", **changes), "cluster.reach", "kubeconfig", at="agent.cluster", says="YAML"
    )
    assert "canary" not in str(finding)


def test_the_content_of_a_kubeconfig(trial: Trial) -> None:
    expect_nothing(trial.report("cluster", **_secret_config(trial, _kubeconfig(trial))))


def test_a_cluster_that_is_down(trial: Trial) -> None:
    content = _kubeconfig(trial, server="https://127.0.0.1:1")
    report = trial.report("cluster", **_secret_config(trial, content))
    expect(report, "cluster.reach", "unreachable", at="agent.cluster", says="Connection refused")


def test_a_cluster_with_an_untrusted_certificate(trial: Trial) -> None:
    content = yaml.safe_load(_kubeconfig(trial))
    content["clusters"][0]["cluster"].pop("certificate-authority-data", None)
    content["clusters"][0]["cluster"].pop("certificate-authority", None)
    report = trial.report("cluster", **_secret_config(trial, yaml.safe_dump(content)))
    expect(report, "cluster.reach", "unreachable", at="agent.cluster", says="not trusted")


def test_a_cluster_that_hangs_costs_seconds(trial: Trial) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        content = _kubeconfig(trial, server=f"http://127.0.0.1:{silent.getsockname()[1]}")
        changes = _secret_config(trial, content)
        begun = time.monotonic()
        report = trial.report("cluster", timeout=1, **changes)
        assert time.monotonic() - begun < 30
    expect(report, "cluster.reach", "timeout", at="agent.cluster", says="within 1 s")


def test_credentials_that_the_cluster_refuses(trial: Trial) -> None:
    content = yaml.safe_load(_kubeconfig(trial))
    content["users"][0]["user"] = {"token": "canary-expired"}
    report = trial.report("cluster", **_secret_config(trial, yaml.safe_dump(content)))
    finding = expect(report, "cluster.reach", "refused", at="agent.cluster", says="401")
    assert "canary" not in str(finding)


def test_an_old_cluster(trial: Trial) -> None:
    with gateway(trial.info, version="1.29.4") as server:
        report = trial.report("cluster", **_secret_config(trial, _kubeconfig(trial, server=server)))
    expect(report, "cluster.version", "old", at="agent.cluster", says="1.30 or later")


def test_the_oldest_cluster_that_will_do(trial: Trial) -> None:
    with gateway(trial.info, version="1.30.0") as server:
        expect_nothing(trial.report("cluster", **_secret_config(trial, _kubeconfig(trial, server=server))))


def test_a_user_who_may_not(trial: Trial, namespace: str) -> None:
    make(trial.environment, "ServiceAccount", "reader", namespace)
    make(
        trial.environment,
        "rbac.authorization.k8s.io/v1/RoleBinding",
        "reader",
        namespace,
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        subjects=[{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}],
    )
    token = kubectl(trial.environment, "create", "token", "reader", "--namespace", namespace).strip()
    content = yaml.safe_load(_kubeconfig(trial))
    content["users"][0]["user"] = {"token": token}
    changes = _secret_config(trial, yaml.safe_dump(content))
    changes["agent"]["agentTokenSecret"] = "tokens"
    report = trial.report("cluster", agentToken=None, **changes)
    expect(report, "cluster.permissions", "denied", at="agent.cluster", says=f"secrets in {namespace}")
    expect(report, "cluster.secret", "unreadable", at="agent.agentTokenSecret", says="token")
    report = trial.report("cluster", agentToken=None, preview=True, **changes)
    expect(report, "cluster.permissions", "read-only", at="agent.cluster", says="astro-dbt-deploy")
    assert not [item for item in report.findings if item.severity == "error"]


def test_a_namespace_not_managed_by_the_stack(trial: Trial) -> None:
    name = str(trial.config["agent"]["namespace"])
    make(trial.environment, "Namespace", name)
    try:
        report = trial.report("cluster")
        expect(report, "cluster.namespace", "foreign", at="agent.namespace", says="pulumi import")
        expect_nothing(trial.report("cluster", agent={"createNamespace": False}))
    finally:
        kubectl(trial.environment, "delete", "namespace", name, "--wait=false")


def test_a_namespace_of_another_stack(trial: Trial) -> None:
    name = str(trial.config["agent"]["namespace"])
    make(trial.environment, "Namespace", name, labels={"astro-dbt/stack": "astro-dbt.prod"})
    try:
        report = trial.report("cluster")
        expect(report, "cluster.namespace", "other-stack", at="agent.namespace", says="astro-dbt.prod")
    finally:
        kubectl(trial.environment, "delete", "namespace", name, "--wait=false")


def test_a_namespace_that_does_not_exist(trial: Trial) -> None:
    report = trial.report("cluster", agent={"createNamespace": False})
    expect(report, "cluster.namespace", "missing", at="agent.createNamespace")


def test_a_namespace_that_is_being_deleted(trial: Trial, namespace: str) -> None:
    body = {"data": {"a": "b"}}
    make(trial.environment, "ConfigMap", "keeper", namespace, **body)
    kubectl(
        trial.environment, "patch", "configmap", "keeper", "--namespace", namespace, "--type=merge",
        '--patch={"metadata": {"finalizers": ["astro-dbt.example/keep"]}}',
    )  # fmt: skip
    kubectl(trial.environment, "delete", "namespace", namespace, "--wait=false")
    try:
        report = trial.report("cluster", "chart")
        wait = f"(`kubectl wait --for=delete namespace/{namespace}`), and run `pulumi up --refresh`"
        expect(report, "cluster.namespace", "terminating", at="agent.namespace", says=wait)
        assert not [finding for finding in report.errors if "being terminated" in str(finding)]
    finally:
        kubectl(
            trial.environment, "patch", "configmap", "keeper", "--namespace", namespace, "--type=merge",
            '--patch={"metadata": {"finalizers": null}}',
        )  # fmt: skip


def test_a_secret_that_does_not_exist(trial: Trial, namespace: str) -> None:
    report = trial.report("cluster", agent={"agentTokenSecret": "tokens"}, agentToken=None)
    expect(report, "cluster.secret", "missing", at="agent.agentTokenSecret", says="with the key token")


def test_a_secret_before_its_namespace(trial: Trial) -> None:
    report = trial.report("cluster", agent={"agentTokenSecret": "tokens"}, agentToken=None)
    expect(report, "cluster.secret", "no-namespace", at="agent.agentTokenSecret")


def test_every_secret_is_checked_for_the_key_that_is_read(trial: Trial, namespace: str) -> None:
    make(trial.environment, "Secret", "wrong", namespace, stringData={"other": "canary-value"})
    agent = {
        "agentTokenSecret": "wrong",
        "imagePullSecret": "wrong",
        "sentinelAuthSecret": "wrong",
        "openLineage": {"enabled": True, "apiKeySecret": "wrong"},
        "secretsBackend": {
            "class": "airflow.providers.hashicorp.secrets.vault.VaultBackend",
            "kwargsSecret": {"secret": "wrong", "key": "kwargs"},
        },
        "env": {"DATABASE_PASSWORD": {"secret": "wrong", "key": "database"}},
        "workers": [
            {
                "name": "w",
                "env": {"X": {"secret": "wrong", "key": "x"}},
                "values": {
                    "initContainers": [
                        {
                            "name": "i",
                            "env": [
                                {"name": "A", "valueFrom": {"secretKeyRef": {"name": "wrong", "key": "a"}}}
                            ],
                        }
                    ]
                },
            }
        ],
    }
    connections = {"git": {"type": "https", "existingSecret": "wrong"}}
    report = trial.report("cluster", agent=agent, agentToken=None, connections=connections, credentials=None)
    at = {
        "agent.agentTokenSecret": "token",
        "agent.imagePullSecret": ".dockerconfigjson",
        "agent.sentinelAuthSecret": "secret",
        "agent.openLineage.apiKeySecret": "api-key",
        "agent.secretsBackend.kwargsSecret": "kwargs",
        "agent.env.DATABASE_PASSWORD": "database",
        "agent.workers[0].env.X": "x",
        "agent.workers[0].values.initContainers[0].env[0].valueFrom.secretKeyRef": "a",
    }
    for place, key in at.items():
        expect(
            report, "cluster.secret", "key", at=place, says=f"no key {key}; add it (the Secret holds other)"
        )
    for key in ("connection", "http-header"):
        expect(report, "cluster.secret", "key", at="connections.git.existingSecret", says=f"no key {key};")
    assert "canary" not in str(report)


def test_objects_that_values_refer_to(trial: Trial, namespace: str) -> None:
    values = {
        "volumes": [
            {"name": "a", "persistentVolumeClaim": {"claimName": "claim"}},
            {"name": "b", "configMap": {"name": "settings"}},
            {"name": "c", "configMap": {"name": "perhaps", "optional": True}},
            {"name": "d", "secret": {"secretName": "certificate"}},
        ],
    }
    worker = {"name": "w", "values": {**values, "serviceAccount": {"create": False, "name": "robot"}}}
    role = {"aws": {"roleArn": "arn:aws:iam::123456789012:role/agents"}, "account": "robot"}
    agent = {"workers": [worker], "triggerer": {"priorityClass": "absent", "identity": role}}
    report = trial.report("cluster", agent=agent)
    expect(report, "cluster.reference", "missing", at="agent.triggerer.priorityClass", says="absent")
    expect(report, "cluster.reference", "missing", at="agent.triggerer.identity.account", says="robot")
    at = "agent.workers[0].values"
    expect(report, "cluster.reference", "missing", at=f"{at}.volumes[0].persistentVolumeClaim", says="claim")
    expect(report, "cluster.reference", "missing", at=f"{at}.volumes[1].configMap", says="settings")
    expect(report, "cluster.reference", "missing", at=f"{at}.serviceAccount", says="robot")
    expect(report, "cluster.secret", "missing", at=f"{at}.volumes[3].secret", says="certificate")
    assert "perhaps" not in str(report)
    make(trial.environment, "ServiceAccount", "robot", namespace)
    make(trial.environment, "ConfigMap", "settings", namespace, data={})
    make(trial.environment, "Secret", "certificate", namespace, stringData={"a": "b"})
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    make(trial.environment, "PersistentVolumeClaim", "claim", namespace, spec=claim)
    triggerer = {"priorityClass": "system-node-critical", "identity": role}
    expect_nothing(trial.report("cluster", agent={"workers": [worker], "triggerer": triggerer}))


def test_autoscaling_needs_apis_that_the_cluster_lacks(trial: Trial) -> None:
    def scaled(**scaling: Any) -> list[dict[str, Any]]:
        return [{"name": "w", "autoscaling": {"maxReplicas": 3, **scaling}}]

    keda = {"prometheus": "http://prometheus.monitoring:9090"}
    at = "agent.workers[0].autoscaling"
    report = trial.report("cluster", agent={"workers": scaled(keda=keda)})
    expect(report, "cluster.api", "keda", at=f"{at}.keda", says="keda.sh/v1alpha1")
    report = trial.report("cluster", agent={"workers": scaled()})
    expect(report, "cluster.api", "metrics", at=at, says="custom.metrics.k8s.io")


def test_git_credentials_in_a_secret_of_the_cluster_are_used(trial: Trial, namespace: str) -> None:
    import json

    from domain.connection_secret import http_header

    git = trial.info.git
    url = trial.config["dags"]["repo"]
    trusted = {"type": "https", "existingSecret": "git-login", "caBundle": git.ca_file}
    changes: dict[str, Any] = {"connections": {"git": trusted}, "credentials": None}

    def hold(password: str, host: str) -> None:
        connection = json.dumps(
            {"conn_type": "git", "host": host, "login": git.username, "password": password}
        )
        header = http_header(git.username, password)
        data = {"connection": connection, "http-header": header}
        make(trial.environment, "Secret", "git-login", namespace, stringData=data)

    hold(git.token, url)
    expect_nothing(trial.report("cluster", "git", **changes))
    hold("canary-expired", url)
    at = "connections.git.existingSecret"
    report = trial.report("cluster", "git", **changes)
    expect(report, "git.auth", "refused-existing", at=at, says="platform/dags.git")
    hold(git.token, url.replace("dags.git", "other.git"))
    expect(trial.report("cluster", "git", **changes), "git.connection", "other-repository", at=at)
    make(
        trial.environment,
        "Secret",
        "git-login",
        namespace,
        stringData={"http-header": "x", "connection": "{}"},
    )
    expect(trial.report("cluster", "git", **changes), "git.connection", "incomplete", at=at, says="clone URL")


def test_a_release_of_ours_is_good(trial: Trial, helm: Helm) -> None:
    assert helm.upgrade().returncode == 0
    expect_nothing(trial.report("cluster"))


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
def test_a_release_that_a_killed_helm_left(trial: Trial, helm: Helm, status: str) -> None:
    assert helm.upgrade().returncode == 0
    helm.break_off(status)
    finding = expect(trial.report("cluster"), "cluster.release", "pending", at="agent.release", says=status)
    assert finding.severity == "warning"


def test_a_failed_release_continues(trial: Trial, helm: Helm) -> None:
    helm.upgrade()
    helm.break_off("failed")
    expect(trial.report("cluster"), "cluster.release", "failed", at="agent.release", says="revision 1")


def test_a_release_that_is_being_removed(trial: Trial, helm: Helm) -> None:
    helm.upgrade()
    helm.break_off("uninstalling")
    expect(
        trial.report("cluster"), "cluster.release", "uninstalling", at="agent.release", says="helm uninstall"
    )


def test_a_failed_first_install_that_an_interrupted_run_takes_back(trial: Trial, helm: Helm) -> None:
    helm.upgrade()
    helm.break_off("uninstalling")
    cluster = connect(trial.environment.info().kubeconfig, trial.environment.info().context, timeout=30)
    holder = lease.Holder("elsewhere", (), 3600)
    lease.take(cluster, namespace=helm.namespace, release=NAME, holder=holder)
    finding = expect(trial.report("cluster"), "cluster.release", "taken-back", at="agent.release")
    assert finding.severity == "warning"


def test_a_release_not_managed_by_the_stack(trial: Trial, helm: Helm) -> None:
    kubectl(trial.environment, "label", "namespace", helm.namespace, "astro-dbt/stack-")
    helm.upgrade()
    report = trial.report("cluster", agent={"createNamespace": False})
    expect(report, "cluster.release", "foreign", at="agent.release", says="pulumi import")


def test_a_release_of_this_program_in_a_namespace_it_does_not_manage(trial: Trial, helm: Helm) -> None:
    kubectl(trial.environment, "label", "namespace", helm.namespace, "astro-dbt/stack-")
    helm.upgrade({"commonEnv": [{"name": "ASTRO_DBT_SECRETS", "value": "none"}]})
    expect_nothing(trial.report("cluster", agent={"createNamespace": False}))


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
    report = trial.report("cluster", agent={"createNamespace": False})
    expect(
        report, "cluster.release", "holds-namespace", at="agent.createNamespace", says="resource-policy=keep"
    )
    kubectl(trial.environment, "annotate", "namespace", helm.namespace, "helm.sh/resource-policy=keep")
    expect_nothing(trial.report("cluster", agent={"createNamespace": False}))
