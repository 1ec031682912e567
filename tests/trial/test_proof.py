"""The proof on a worker: which Pod it asks, and that every way of failing is reported, never mistaken for a run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trial import proof
from trial.errors import TrialError

GREETING = {"ok": True, "seconds": 0.0}
WORKS: list[dict[str, Any]] = [
    {"ok": True, "path": "/tmp/bundle/dags", "version": "c0ffee"},
    {"ok": True, "errors": {}, "dags": {"jaffle": ["a", "b"]}},
    {"ok": True, "state": "success", "tasks": {"a": "success", "b": "success"}},
]


def pod(name: str, *, image: str = "new", ready: str = "True", born: str = "2026-01-01", **metadata: Any):
    """A Pod as kubectl prints it."""
    return {
        "metadata": {"name": name, "labels": {"app": "worker"}, "creationTimestamp": born, **metadata},
        "spec": {"containers": [{"image": image}]},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


class Kubectl:
    """Answers as a cluster with these Pods would, and with these answers of the driver in them."""

    def __init__(self, *pods: Any, answers: list[dict[str, Any]] = WORKS) -> None:
        self.pods, self.answers = pods, answers
        self.asked: list[tuple[str, ...]] = []
        self.stdin = ""

    def __call__(self, *arguments: str, stdin: str | None = None, purpose: str, seconds: float = 60.0) -> str:
        self.asked.append(arguments)
        words = arguments[1:]
        if words[:2] == ("get", "pods"):
            return json.dumps({"items": self.pods})
        if words[:2] == ("get", "deployment"):
            template = {"spec": {"containers": [{"image": "new"}]}}
            return json.dumps(
                {"spec": {"template": template, "selector": {"matchLabels": {"app": "worker"}}}}
            )
        if stdin is None:
            return '{"city_revenue": 4, "orders": 8}\n'
        self.stdin = stdin
        lines = ["a line of a program", *map(json.dumps, [GREETING, *self.answers])]
        return "\n".join(lines) + "\n"


def run(kubectl: Kubectl) -> proof.Ran:
    """Run the Dag."""
    return proof.run_dag(kubectl, namespace="agents", dag="jaffle", version="c0ffee")


def test_a_run_tells_its_tasks_and_rows() -> None:
    kubectl = Kubectl(pod("worker"))
    ran = run(kubectl)
    assert str(ran) == "2 tasks, 12 rows in 2 tables"
    assert (ran.pod, ran.image, ran.version) == ("worker", "new", "c0ffee")
    assert [json.loads(line)["do"] for line in kubectl.stdin.splitlines()] == ["initialise", "parse", "run"]
    assert {json.loads(line)["version"] for line in kubectl.stdin.splitlines()} == {"c0ffee"}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(pod("other", image="old", born="2026-02-01"), id="an earlier template"),
        pytest.param(pod("other", deletionTimestamp="now", born="2026-02-01"), id="one that is ending"),
        pytest.param(pod("other", ready="False", born="2026-02-01"), id="one that is not ready"),
        pytest.param(pod("other", labels={"app": "sentinel"}, born="2026-02-01"), id="another Deployment's"),
        pytest.param(pod("other", born="2025-01-01"), id="an older one"),
    ],
)
def test_the_newest_ready_pod_of_the_present_template_is_asked(other: Any) -> None:
    assert run(Kubectl(other, pod("worker"))).pod == "worker"


def test_no_ready_pod_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "POD_SECONDS", 0.0)
    with pytest.raises(TrialError, match="no Pod of astro-agent-worker-default-worker became ready"):
        run(Kubectl(pod("worker", ready="False")))


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            [{"ok": False, "error": "Traceback\nModuleNotFoundError: git"}],
            "initialise failed .*(?s:.)*No?.*git",
        ),
        (WORKS[:1], "did not answer parse"),
        ([], "did not answer initialise"),
        ([WORKS[0], {"ok": True, "errors": {"x.py": "No module named 'cosmos'"}}, WORKS[2]], "'cosmos'"),
        (
            [*WORKS[:2], {"ok": True, "state": "failed", "tasks": {"a": "success", "b": "failed"}}],
            "ended in state failed in the Pod worker: b",
        ),
    ],
)
def test_what_goes_wrong_in_the_pod_is_reported(answers: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(TrialError, match=message):
        run(Kubectl(pod("worker"), answers=answers))
