"""Which Deployments roll, on small previews; `tests/engine/test_review.py` has the real ones."""

from __future__ import annotations

import pytest

from review import Verdict, render
from review.restarts import deployments
from tests.review.previews import VALUES, release, review, with_worker


@pytest.mark.parametrize(
    ("after", "fates", "verdict"),
    [
        (with_worker(replicas=3), {"a-worker-w": "scales"}, Verdict.SAFE),
        (with_worker(image="x@sha256:1"), {"a-worker-w": "rolls"}, Verdict.ROLLS),
        (
            {**VALUES, "commonEnv": [{"name": "ONE", "value": "2"}]},
            dict.fromkeys(("a-worker-w", "a-dag-processor", "a-triggerer"), "rolls"),
            Verdict.ROLLS,
        ),
        ({**VALUES, "sentinel": {"enabled": True, "env": [1]}}, {"a-sentinel": "rolls"}, Verdict.SAFE),
        ({**VALUES, "sentinel": {"enabled": False}}, {"a-sentinel": "goes"}, Verdict.SAFE),
        ({**VALUES, "workers": []}, {"a-worker-w": "goes"}, Verdict.REPLACES),
        ({**VALUES, "sentinelAuthSecretName": "s"}, {"a-sentinel": "rolls"}, Verdict.SAFE),
        ({**VALUES, "createNamespace": False}, {}, Verdict.SAFE),
        (
            {**VALUES, "annotations": {"team": "data"}},
            dict.fromkeys(("a-worker-w", "a-dag-processor", "a-triggerer", "a-sentinel"), "rolls"),
            Verdict.ROLLS,
        ),
    ],
)
def test_a_value_rolls_exactly_the_deployments_that_read_it(after, fates, verdict):
    found = review(release(VALUES, after))
    assert {part.name: part.fate for part in found.deployments if part.fate != "stays"} == fates
    assert found.verdict is verdict


def test_order_of_a_list_counts_for_pods_though_it_is_no_difference_to_read():
    env = [{"name": "ONE", "value": "1"}, {"name": "TWO", "value": "2"}]
    before, after = {**VALUES, "commonEnv": env}, {**VALUES, "commonEnv": env[::-1]}
    found = review(release(before, after))
    assert found.values == ()
    assert found.verdict is Verdict.ROLLS
    assert "the order of a list" in render(found)


def test_a_secret_value_that_changes_rolls_although_both_sides_look_alike():
    values = {**VALUES, "logLevel": "[secret]"}
    found = review(release(values, values, detailedDiff={"values.logLevel": {"kind": "update"}}))
    assert found.verdict is Verdict.ROLLS
    assert "a value that is secret" in render(found)


def test_deployments_of_a_new_release_start():
    assert {part.fate for part in deployments(None, VALUES)} == {"starts"}
