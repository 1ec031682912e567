"""The section on objects: what changes, what was edited, and nothing secret."""

from __future__ import annotations

import base64
import copy
from typing import Any

from preflight.report import ReleaseObjects, identity
from review.objects import objects_report
from review.objects_markdown import MOST_FIELDS, MOST_OBJECTS, changes, edited

CANARY = "canary-secret-value"


def deployment(name: str, *, image: str = "x:1", env: Any = (), pull: str = "pull") -> dict[str, Any]:
    container = {"name": "worker", "image": image, "env": list(env)}
    spec = {"containers": [container], "imagePullSecrets": [{"name": pull}]}
    template = {"spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 1, "template": template},
    }


def account(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "labels": labels}}


def markdown(
    before: list[dict[str, Any]] | None,
    after: list[dict[str, Any]] | None,
    live: list[dict[str, Any]] | None = None,
    *,
    updated: bool = True,
) -> str:
    there = {identity(item): None for item in before or ()} | {
        identity(item): item for item in live or before or ()
    }
    found = ReleaseObjects(
        None if after is None else tuple(after), None if before is None else tuple(before), there
    )
    report = objects_report(found, updated=updated)
    return "\n".join([*changes(report), *edited(report)])


def test_nothing_is_said_of_objects_that_stay() -> None:
    assert markdown([deployment("a")], [deployment("a")]) == ""
    assert markdown([deployment("a")], [deployment("a", image="x:2")], updated=False) == ""
    assert markdown(None, [deployment("a")]) == ""
    assert markdown([deployment("a")], None) == ""


def test_changes_are_told_per_object_in_a_stable_order() -> None:
    before = [
        account("z", chart="1"),
        deployment("b"),
        deployment("a"),
        account("y", chart="1"),
        account("gone"),
    ]
    after = [
        account("y", chart="2"),
        deployment("a", image="x:2"),
        deployment("b"),
        account("z", chart="2"),
        deployment("new"),
    ]
    text = markdown(before, after)
    assert text == markdown(before[::-1], after[::-1])
    assert text.splitlines()[2:-2] == [
        "- Deployment `a` changes:",
        "  - `containers.worker.image`: `x:1` → `x:2`",
        "- Deployment `new` is added",
        "- ServiceAccount `gone` is removed",
        "- ServiceAccount `y` and `z` change:",
        "  - `metadata.labels.chart`: `1` → `2`",
        "- Secret `pull` is read by `new` from now on",
    ]
    assert text.startswith("<details><summary>5 objects change</summary>")


def test_secrets_are_told_by_who_reads_them() -> None:
    reference = {"name": "T", "valueFrom": {"secretKeyRef": {"name": "token", "key": "k"}}}
    text = markdown([deployment("a", pull="old")], [deployment("a", env=[reference])])
    assert "- Secret `old` is no longer read by `a`" in text
    assert "- Secret `token` is read by `a` from now on" in text
    assert "key k of Secret token" in text


def test_the_section_is_bounded() -> None:
    many = [deployment(f"d{number:03}", image=f"x:{number}") for number in range(MOST_OBJECTS + 5)]
    assert "… and 35 more" not in markdown([], many)
    before = [deployment(item["metadata"]["name"]) for item in many]
    text = markdown(before, many)
    assert "- … and 4 more" in text
    wide = [{"name": f"V{number}", "value": "x" * 500} for number in range(200)]
    text = markdown([deployment("a")], [deployment("a", env=wide)])
    assert f"… and {200 - MOST_FIELDS} more fields" in text or len(text) < 5000
    assert len(text) < 5000


def test_edits_name_who_and_missing_objects_are_told() -> None:
    there = copy.deepcopy(deployment("a", image="x:9"))
    fields: dict[str, Any] = {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"worker"}': {"f:image": {}}}}}}
    }
    there["metadata"]["managedFields"] = [
        {"manager": "kubectl-set", "time": "2026-01-01T00:00:00Z", "fieldsV1": fields}
    ]
    text = markdown([deployment("a"), account("s")], None, [there], updated=False)
    assert "- ServiceAccount `s` **is missing** in the cluster" in text
    line = "  - `containers.worker.image` is `x:9`; the release has `x:1` (by `kubectl-set` at 2026-01-01T00:00:00Z)"
    assert line in text.splitlines()


def test_no_secret_is_shown_in_any_way() -> None:
    encoded = base64.b64encode(CANARY.encode()).decode()
    other = base64.b64encode(f"{CANARY}-2".encode()).decode()

    def objects(value: str, data: str) -> list[dict[str, Any]]:
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
        return [
            {**secret, "data": {"token": data}},
            {**secret, "metadata": {"name": "t"}, "stringData": {"plain": value}},
            {**config, "data": {"vector.yaml": f"sinks:\n  a: {value}\n", "url": f"https://u:{value}@h/"}},
            deployment(
                "d",
                env=[{"name": "DB_PASSWORD", "value": value}, {"name": "U", "value": f"https://u:{value}@h"}],
            ),
        ]

    text = markdown(objects(CANARY, encoded), objects(f"{CANARY}-2", other), objects(f"{CANARY}-3", other))
    for spelling in (CANARY, encoded, other, encoded.rstrip("=")):
        assert spelling not in text
    assert "`containers.worker.env.DB_PASSWORD`: `(hidden)` → `(hidden)`" in text
    assert "`data.vector.yaml`: a text of 2 lines → a text of 2 lines" in text
    assert "`data.token`" in text
    added = markdown([], objects(CANARY, encoded)) + markdown(objects(CANARY, encoded), [])
    assert CANARY not in added
    assert encoded not in added
