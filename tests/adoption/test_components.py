"""Workers and the other components of a values file."""

from __future__ import annotations

import pytest

from adoption.components import add_components
from adoption.draft import Draft


def drafted(version: str = "2.3.3", *, defaults=None, **values) -> Draft:
    draft = Draft()
    add_components(draft, values, defaults or {}, version=version, prefix="p")
    return draft


def worker(version: str = "2.3.3", **block):
    return drafted(version, workers=[{"name": "w", **block}]).agent["workers"][0]


def test_queues_are_a_list() -> None:
    assert worker(queues="a, b")["queues"] == ["a", "b"]
    assert worker()["queues"] == ["default"]


@pytest.mark.parametrize(("version", "key"), [("2.3.3", "value"), ("1.0.2", "Value")])
def test_autoscaling_is_typed(version, key) -> None:
    hpa = {
        "enabled": True,
        "minReplicaCount": 2,
        "maxReplicaCount": 5,
        "metric": {"target": {"type": "Value", key: 7}},
    }
    assert worker(version, hpa=hpa)["autoscaling"] == {"minReplicas": 2, "maxReplicas": 5, "target": 7}


def test_autoscaling_of_another_kind_stays_raw() -> None:
    hpa = {"enabled": True, "metric": {"target": {"type": "AverageValue", "value": 7}}}
    found = worker(hpa=hpa)
    assert found["values"]["hpa"] == hpa
    assert "hpa" in found["withheld"]


def test_what_is_switched_off_is_not_written() -> None:
    assert worker(hpa={"enabled": False, "maxReplicaCount": 9}).keys() == {"name", "queues"}


def test_amounts_and_variables_without_a_typed_form_stay_raw() -> None:
    resources = {"limits": {"nvidia.com/gpu": 1}}
    env = [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    found = worker(resources=resources, env=[*env, {"name": "A", "value": "1"}])
    assert found["values"] == {"resources": resources, "env": env}
    assert found["env"] == {"A": "1"}


def test_defaults_of_the_chart_are_not_written() -> None:
    block = {"replicas": 1, "asyncSlots": 1000, "nodeSelector": {"a": "b"}}
    draft = drafted(defaults={"triggerer": {"replicas": 1, "asyncSlots": 1000}}, triggerer=block)
    assert draft.agent["triggerer"] == {"nodeSelector": {"a": "b"}}


def test_the_sentinel_is_of_the_second_generation() -> None:
    assert drafted(sentinel={"enabled": False}).agent["sentinel"] == {"enabled": False}
    assert "sentinel" not in drafted("1.0.2", sentinel={"enabled": False}).agent


def test_values_without_workers_have_the_chart_s() -> None:
    draft = drafted(defaults={"workers": [{"name": "default-worker", "queues": "default"}]})
    assert draft.agent["workers"] == [{"name": "default-worker", "queues": ["default"]}]
