"""Repairing a release that a killed Helm left, on the trial's cluster and by a real Helm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients.helm import repair as release_repair
from clients.kubernetes import Cluster, RefusedError, connect
from tests.support.helm import NAME, Helm
from tests.support.kube_gateway import gateway
from tests.support.kube_objects import kubectl, make
from trial.environment import Environment

pytestmark = pytest.mark.preflight

CLAIM = {
    "kind": "PersistentVolumeClaim",
    "name": "kept",
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
}


@pytest.fixture
def helm(environment: Environment, tmp_path: Path) -> Iterator[Helm]:
    namespace = "release-repair"
    make(environment, "Namespace", namespace)
    yield Helm(environment, namespace, tmp_path)
    kubectl(environment, "delete", "namespace", namespace)


@pytest.fixture
def cluster(environment: Environment) -> Cluster:
    info = environment.info()
    return connect(info.kubeconfig, info.context, timeout=30)


def repair(cluster: Cluster, helm: Helm, values: dict[str, Any]) -> list[str]:
    """The cure, as before a change to ``values``."""
    return release_repair.repair(
        cluster, namespace=helm.namespace, name=NAME, values=values, chart_version="1.0.0"
    )


@pytest.mark.parametrize("status", ["pending-install", "pending-upgrade", "pending-rollback"])
def test_a_stuck_release_continues(helm: Helm, cluster: Cluster, status: str) -> None:
    assert helm.upgrade().returncode == 0
    if status != "pending-install":
        assert helm.upgrade({"data": {"level": "debug"}}).returncode == 0
    helm.break_off(status)
    refused = helm.upgrade()
    assert "another operation" in refused.stderr, "the state must be the one that stops Helm"

    (done,) = [line for line in repair(cluster, helm, {}) if "removed the record" in line]
    assert f"revision {1 if status == 'pending-install' else 2} ({status})" in done
    again = helm.upgrade()
    assert again.returncode == 0, again.stderr
    assert helm.secrets()[-1]["metadata"]["labels"]["status"] == "deployed"


def test_a_release_that_is_not_stuck_is_left_alone(helm: Helm, cluster: Cluster) -> None:
    assert repair(cluster, helm, {}) == []
    helm.upgrade()
    before = helm.secrets()
    assert repair(cluster, helm, {"data": {"a": "2"}}) == []
    assert helm.secrets() == before


def test_what_only_the_killed_change_added_is_taken_back(helm: Helm, cluster: Cluster) -> None:
    """Without the cure Helm keeps the entry and the object: the same steps without `repair` leave both."""
    good = {"data": {"a": "1"}, "more": [{"kind": "ConfigMap", "name": "ours"}]}
    killed = {
        "data": {"a": "2", "b": "killed"},
        "more": [*good["more"], {"kind": "ConfigMap", "name": "only-killed"}, CLAIM],
    }
    assert helm.upgrade(good).returncode == 0
    helm.kill(killed)
    kubectl(
        helm.environment, "patch", "configmap", NAME, "--namespace", helm.namespace, "--type=merge",
        '--patch={"data":{"others":"stays"}}',
    )  # fmt: skip
    assert helm.data() == {"a": "2", "b": "killed", "others": "stays"}

    done = repair(cluster, helm, good)
    assert f"ConfigMap/{NAME}, ConfigMap/only-killed" in done[0]
    again = helm.upgrade(good)
    assert again.returncode == 0, again.stderr
    assert helm.data() == {"a": "1", "others": "stays"}
    assert {"ours", NAME} <= helm.names("configmap")
    assert "only-killed" not in helm.names("configmap")
    assert helm.names("persistentvolumeclaim") == {"kept"}, "data is never deleted"


def test_the_same_configuration_again_takes_nothing_back(helm: Helm, cluster: Cluster) -> None:
    """Its Pods would roll twice."""
    assert helm.upgrade({"data": {"a": "1"}}).returncode == 0
    wanted = {"data": {"a": "1", "b": "2"}, "more": [{"kind": "ConfigMap", "name": "new"}]}
    helm.kill(wanted)
    (done,) = repair(cluster, helm, wanted)
    assert "removed the record" in done
    assert helm.data() == {"a": "1", "b": "2"}
    assert "new" in helm.names("configmap")
    assert helm.upgrade(wanted).returncode == 0


def test_a_killed_first_install_is_taken_back_whole(helm: Helm, cluster: Cluster) -> None:
    helm.kill({"data": {"a": "1"}, "more": [{"kind": "ConfigMap", "name": "other"}]})
    done = repair(cluster, helm, {"data": {"a": "2"}})
    assert f"ConfigMap/{NAME}, ConfigMap/other" in done[0]
    assert helm.secrets() == []
    assert helm.upgrade({"data": {"a": "2"}}).returncode == 0
    assert helm.data() == {"a": "2"}


def test_an_object_not_managed_here_is_left_alone(helm: Helm, cluster: Cluster) -> None:
    assert helm.upgrade({"data": {"a": "1"}}).returncode == 0
    helm.kill({"data": {"a": "1"}, "more": [{"kind": "ConfigMap", "name": "theirs"}]})
    kubectl(
        helm.environment, "annotate", "configmap", "theirs", "--namespace", helm.namespace, "--overwrite",
        "meta.helm.sh/release-name=theirs",
    )  # fmt: skip
    repair(cluster, helm, {"data": {"a": "3"}})
    assert "theirs" in helm.names("configmap")


def test_a_failed_rollback_is_taken_back(helm: Helm, cluster: Cluster) -> None:
    assert helm.upgrade({"data": {"a": "1"}}).returncode == 0
    helm.kill({"data": {"a": "1", "b": "2"}})
    helm.break_off("failed")
    assert helm.secrets()[0]["metadata"]["labels"]["status"] == "deployed"
    (done,) = repair(cluster, helm, {"data": {"a": "1"}})
    assert "removed what only an interrupted run had added" in done
    assert helm.data() == {"a": "1"}
    assert len(helm.secrets()) == 2, "a failed revision does not stop Helm, so its record stays"


def test_a_record_that_helm_still_writes_is_left_alone(environment: Environment, helm: Helm) -> None:
    helm.upgrade()
    helm.break_off("pending-upgrade")
    info = environment.info()
    content = yaml.safe_load(Path(info.kubeconfig).read_text())
    with gateway(info, before_delete=lambda: helm.break_off("deployed")) as server:
        content["clusters"][0]["cluster"]["server"] = server
        with pytest.raises(RefusedError) as caught:
            repair(connect(yaml.safe_dump(content), info.context, timeout=30), helm, {})
    assert caught.value.status == 409
    (kept,) = helm.secrets()
    assert kept["metadata"]["labels"]["status"] == "deployed"
