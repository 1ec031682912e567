"""The state of a release from Helm's Secrets, on answers of an API server."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from clients.helm.history import PENDING, Record, release_record, release_state


class Answers:
    """Stands for the one method of a cluster client that reads."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    def get(self, _path: str, **_options: Any) -> dict[str, Any]:
        return self.answer


def secret(number: int, status: str) -> dict[str, Any]:
    labels = {"version": str(number), "status": status}
    return {"metadata": {"name": f"r.v{number}", "uid": "u", "resourceVersion": "9", "labels": labels}}


def answers(content: dict[str, Any]) -> Any:
    return Answers(content)


def state(*statuses: str):
    items = [secret(number, status) for number, status in enumerate(statuses, 1)]
    return release_state(answers({"items": items}), namespace="n", name="r")


def test_the_newest_revision_decides():
    found = state("superseded", "deployed", "failed")
    assert (found.exists, found.revision, found.status, found.stuck) == (True, 3, "failed", False)


@pytest.mark.parametrize("status", sorted(PENDING))
def test_a_pending_revision_blocks_helm(status):
    assert state("deployed", status).stuck


def test_no_release_and_an_uninstalled_one():
    assert not state().exists
    assert not state("superseded", "uninstalled").exists


def test_revisions_are_compared_as_numbers():
    assert state(*["superseded"] * 9, "deployed").revision == 10


def record(content: object) -> Record:
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(content).encode()))).decode()
    (revision,) = state("deployed").revisions
    return release_record(answers({"data": {"release": packed}}), namespace="n", revision=revision)


def test_a_record_is_read():
    content = {
        "config": {"a": 1},
        "info": {"description": "Upgrade complete"},
        "chart": {"metadata": {"version": "2.3.3"}},
        "manifest": "kind: A\n---\nkind: B\n---\n",
    }
    found = record(content)
    assert (found.values, found.description, found.chart_version) == ({"a": 1}, "Upgrade complete", "2.3.3")
    assert [item["kind"] for item in found.manifest] == ["A", "B"]


def test_a_manifest_that_is_not_yaml_holds_no_objects():
    content = {"info": {}, "chart": {"metadata": {"version": "1"}}, "manifest": "a: ["}
    assert record(content).manifest == ()


@pytest.mark.parametrize("content", [{}, [], None, {"info": None, "chart": {}}])
def test_a_record_that_cannot_be_read_is_empty(content):
    assert record(content) == Record()
