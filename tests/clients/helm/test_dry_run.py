"""Answers of an API server sorted; tests/preflight/test_rendering_probe.py has the real ones."""

from __future__ import annotations

from typing import Any

import pytest

from clients.helm.dry_run import Outcome, changed, judge
from clients.kubernetes import RefusedError

DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "data"}}


class Server:
    """An API server that gives one answer to whatever is tried."""

    def __init__(self, answer: RefusedError | tuple[str, ...]) -> None:
        self.answer = answer
        self.tried: list[tuple[str, Any]] = []

    def path_of(self, document: Any, namespace: str) -> str:
        place = document["metadata"].get("namespace") or namespace
        return f"/apis/apps/v1/namespaces/{place}/deployments/{document['metadata']['name']}"

    def try_create(self, path: str, body: Any) -> tuple[str, ...]:
        self.tried.append((path, body))
        if isinstance(self.answer, RefusedError):
            raise self.answer
        return self.answer

    try_replace = try_create


def ask(answer: RefusedError | tuple[str, ...], **options: Any) -> tuple[list[tuple[Outcome, str]], Server]:
    server: Any = Server(answer)
    found = judge(server, DEPLOYMENT, namespace="data", **options)
    return [(item.outcome, item.detail) for item in found], server


def refused(status: int, message: str, **details: Any) -> RefusedError:
    return RefusedError(status, "", {"message": message, "details": details})


@pytest.mark.parametrize(
    ("answer", "outcomes"),
    [
        ((), []),
        (refused(409, "already exists"), []),
        (refused(400, "cannot unmarshal string into Go struct field"), [Outcome.INVALID]),
        (refused(400, 'admission webhook "a" does not support dry run'), [Outcome.UNVERIFIED]),
        (refused(400, 'admission webhook "a" denied the request: no'), [Outcome.DENIED]),
        (refused(403, 'deployments.apps is forbidden: User "u" cannot create resource "x"'), [Outcome.UNVERIFIED]),
        (refused(403, 'deployments.apps "a" is forbidden: exceeded quota: q'), [Outcome.DENIED]),
        (refused(403, "being terminated", causes=[{"reason": "NamespaceTerminating"}]), []),
        (refused(422, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"), [Outcome.DENIED]),
        (refused(422, "two", causes=[{"field": "a", "message": "b"}, {"field": "c"}]), [Outcome.INVALID] * 2),
        (refused(500, 'failed calling webhook "a"'), [Outcome.UNVERIFIED]),
        (('unknown field "spec.x"', "autoscaling/v1 is deprecated"), [Outcome.DROPPED]),
        (('would violate PodSecurity "restricted:latest"',), [Outcome.DROPPED]),
        (('spec.containers[0].env[3]: hides previous definition of "A"',), []),
    ],
)  # fmt: skip
def test_answers(answer: RefusedError | tuple[str, ...], outcomes: list[Outcome]) -> None:
    found, server = ask(answer)
    assert [outcome for outcome, _ in found] == outcomes
    assert server.tried[0][0] == "/apis/apps/v1/namespaces/data/deployments"


def test_rules_of_another_namespace_do_not_count() -> None:
    found, server = ask(refused(403, 'deployments.apps "a" is forbidden: exceeded quota'), stand_in=True)
    assert found == []
    assert server.tried[0][1]["metadata"]["namespace"] == "default"
    found, _ = ask(refused(403, 'is forbidden: User "u" cannot create'), stand_in=True)
    assert [outcome for outcome, _ in found] == [Outcome.UNVERIFIED], "whoever may not try has tried nothing"
    invalid = refused(422, "no", causes=[{"field": "spec", "message": "wrong"}])
    assert ask(invalid, stand_in=True)[0] == [(Outcome.INVALID, "spec: wrong")]


def test_a_namespace_that_does_not_exist_is_for_the_caller() -> None:
    with pytest.raises(RefusedError):
        ask(refused(404, "no", kind="namespaces"))


def test_an_object_that_exists_is_changed_as_an_upgrade_does() -> None:
    live = {
        **DEPLOYMENT,
        "metadata": {"name": "a", "labels": {"x": "1"}, "managedFields": [], "resourceVersion": "7"},
        "spec": {"replicas": 3, "paused": True, "template": {"a": 1}},
        "status": {"replicas": 3},
    }
    deployed = {**DEPLOYMENT, "spec": {"replicas": 3, "template": {"a": 1}}}
    to_come = {**DEPLOYMENT, "metadata": {"name": "a", "labels": {"y": "2"}}, "spec": {"template": {"b": 2}}}
    assert changed(live, to_come, deployed) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "labels": {"x": "1", "y": "2"}, "annotations": {}, "resourceVersion": "7"},
        "spec": {"paused": True, "template": {"b": 2}},
    }
