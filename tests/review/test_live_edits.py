"""Edits of live objects; tests/engine/test_drift.py makes real ones."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from review.live_edits import Edit, edits

HELM, KUBECTL = "pulumi-resource-kubernetes", "kubectl-set"
RENDERED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "a", "labels": {"app": "a"}},
    "spec": {
        "replicas": 1,
        "template": {
            "spec": {
                "nodeSelector": {},
                "containers": [
                    {
                        "name": "worker",
                        "image": "x:1",
                        "env": [{"name": "A", "value": "1"}],
                        "resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}},
                        "ports": [{"name": "health", "containerPort": 1}],
                        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                    }
                ],
            }
        },
    },
}
CONTAINER = 'k:{"name":"worker"}'


def pod(fields: dict[str, Any]) -> dict[str, Any]:
    return {"f:spec": {"f:template": {"f:spec": {"f:containers": {CONTAINER: fields}}}}}


def live(*managers: dict[str, Any], **container: Any) -> dict[str, Any]:
    """The object as the server completes it, with changes of its container."""
    found = copy.deepcopy(RENDERED)
    spec = found["spec"]
    spec |= {"progressDeadlineSeconds": 600, "strategy": {"type": "RollingUpdate"}}
    spec["template"]["spec"] |= {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst"}
    first = spec["template"]["spec"]["containers"][0]
    first |= {"terminationMessagePath": "/dev/x", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}
    first["ports"][0]["protocol"] = "TCP"
    first |= container
    annotations = {"meta.helm.sh/release-name": "r", "deployment.kubernetes.io/revision": "1"}
    found["metadata"] |= {"annotations": annotations}
    helm = {
        "manager": HELM,
        "time": "2026-01-01T00:00:00Z",
        "fieldsV1": {
            "f:metadata": {"f:annotations": {"f:meta.helm.sh/release-name": {}}},
            "f:spec": {
                "f:progressDeadlineSeconds": {},
                "f:strategy": {"f:type": {}},
                **pod({"f:terminationMessagePath": {}})["f:spec"],
            },
        },
    }
    controller = {
        "manager": "kube-controller-manager",
        "fieldsV1": {"f:metadata": {"f:annotations": {"f:deployment.kubernetes.io/revision": {}}}},
    }
    found["metadata"]["managedFields"] = [helm, controller, *managers]
    return found


def by(manager: str, fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"manager": manager, "time": "2026-02-02T00:00:00Z", "fieldsV1": fields, **more}


def test_what_the_server_completes_is_not_an_edit() -> None:
    assert edits(RENDERED, live()) == ()


def test_an_image_set_by_hand_names_who_and_when() -> None:
    (found,) = edits(RENDERED, live(by(KUBECTL, pod({"f:image": {}})), image="x:2"))
    path = ("spec", "template", "spec", "containers", "worker", "image")
    assert found == Edit(path, "x:1", "x:2", KUBECTL, "2026-02-02T00:00:00Z")


@pytest.mark.parametrize(
    ("manager", "scaled", "expected"),
    [
        ("kubectl", False, [("kubectl", 3)]),
        ("kubectl", True, []),
        ("kube-controller-manager", False, []),
        ("keda-operator", False, []),
    ],
)
def test_replicas_are_an_edit_unless_an_autoscaler_sets_them(
    manager: str, scaled: bool, expected: list[Any]
) -> None:
    there = live(by(manager, {"f:spec": {"f:replicas": {}}}, subresource="scale"))
    there["spec"]["replicas"] = 3
    assert [(item.manager, item.live) for item in edits(RENDERED, there, scaled=scaled)] == expected


def test_what_somebody_added_is_an_edit_and_what_controllers_add_is_not() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "DEBUG", "value": "1"}, {"name": "INJECTED", "value": "1"}]
    hand = by(KUBECTL, pod({"f:env": {'k:{"name":"DEBUG"}': {".": {}, "f:name": {}, "f:value": {}}}}))
    injector = by("identity-controller", pod({"f:env": {'k:{"name":"INJECTED"}': {".": {}}}}))
    (found,) = edits(RENDERED, live(hand, injector, env=env))
    assert found.path[-2:] == ("env", "DEBUG")
    assert (found.rendered, found.manager) == (None, KUBECTL)
    restarted = by("kubectl-rollout", {"f:metadata": {"f:annotations": {"f:restarted": {}}}})
    there = live(restarted)
    there["metadata"]["annotations"]["restarted"] = "now"
    assert [item.path for item in edits(RENDERED, there)] == [("metadata", "annotations", "restarted")]


def test_what_was_removed_is_an_edit() -> None:
    there = live(by(KUBECTL, {}), env=[], volumeMounts=[])
    removed = [item.path[-1] for item in edits(RENDERED, there)]
    assert removed == ["env", "volumeMounts"]


def test_a_variable_is_named_by_its_name_and_read_only_once() -> None:
    twice = copy.deepcopy(RENDERED)
    twice["spec"]["template"]["spec"]["containers"][0]["env"] *= 2
    assert edits(twice, live()) == ()
    (found,) = edits(RENDERED, live(env=[{"name": "A", "value": "2"}]))
    assert found.path[-2:] == ("env", "A")


@pytest.mark.parametrize(
    ("rendered", "there", "same"),
    [
        ("1024Mi", "1Gi", True),
        ("1", "1000m", True),
        (1, "1", True),
        ("1e3", "1k", True),
        ("1Gi", "1G", False),
    ],
)
def test_amounts_in_another_spelling_are_the_same(rendered: Any, there: Any, same: bool) -> None:
    document = copy.deepcopy(RENDERED)
    document["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"x": rendered}}
    found = edits(document, live(resources={"limits": {"x": there}}))
    assert (found == ()) is same


def test_a_number_in_a_variable_is_text() -> None:
    (found,) = edits(RENDERED, live(env=[{"name": "A", "value": "1.0"}]))
    assert found.live == "1.0"


def test_content_of_secrets_is_never_part_of_an_edit() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    rendered = {**secret, "stringData": {"a": "canary-1", "b": "canary-2"}}
    there = {
        **secret,
        "metadata": {"name": "s", "managedFields": []},
        "data": {"a": "Y2FuYXJ5LTE=", "b": "Y2FuYXJ5LTM="},
    }
    found = edits(rendered, there)
    assert [item.path for item in found] == [("data", "b")]
    assert "canary" not in repr(found)
    assert "Y2FuYXJ5" not in repr(found)


def test_entries_are_found_by_all_parts_of_their_key() -> None:
    ports = [
        {"name": "health", "containerPort": 1, "protocol": "TCP"},
        {"containerPort": 2, "protocol": "UDP"},
    ]
    key = json.dumps({"containerPort": 2, "protocol": "UDP"})
    there = live(by(KUBECTL, pod({"f:ports": {f"k:{key}": {".": {}}}})), ports=ports)
    (found,) = edits(RENDERED, there)
    assert (found.path[-1], found.manager) == ("2", KUBECTL)
