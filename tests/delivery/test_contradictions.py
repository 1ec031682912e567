"""Raw chart values that contradict the typed settings: refused for every value that the settings decide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import delivery
from delivery.chart_values import JOINED, chart_values, decided_values
from delivery.contradictions import contradicting_values, setting_of
from domain.merge import Path
from settings import SettingsError
from settings.agent import Agent
from tests.support.stacks import settings_of, stack, with_agent, with_ready_image

FULL: dict[str, Any] = {
    "podSecurity": "restricted",
    "image": "images.example.com/agent:1",
    "secretsBackend": {"class": "a.b.C", "kwargs": {"region_name": "x"}},
    "xcom": {"path": "s3://conn@bucket/xcom", "compression": "gzip"},
    "stateStore": {"path": "s3://conn@bucket/state", "threshold": 0, "compression": "gzip"},
    "openLineage": {"enabled": True, "apiKeySecret": "lineage"},
    "identity": {"azure": {"clientId": "00000000-0000-0000-0000-000000000001"}},
    "logs": {
        "sidecar": {
            "image": "timberio/vector:0.45.0-debian",
            "env": {"KEY": {"secret": "s", "key": "k"}, "REGION": "x"},
            "resources": {"limits": {"cpu": "1"}},
            "preStopSeconds": 9,
            "sinks": {"store": {"type": "aws_s3", "bucket": "b"}},
        },
        "remote": {"folder": "s3://bucket/logs", "connection": "aws_default"},
    },
    "workers": [
        {
            "name": "w",
            "slots": 7,
            "env": {"A": "1"},
            "resources": {"limits": {"cpu": "2"}},
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"key": "k"}],
            "affinity": {"nodeAffinity": {"x": "y"}},
            "autoscaling": {"maxReplicas": 3},
            "image": "images.example.com/worker:1",
            "identity": {"aws": {"roleArn": "arn:aws:iam::123456789012:role/worker"}},
        },
        {
            "name": "second",
            "queues": ["second"],
            "autoscaling": {"maxReplicas": 2, "keda": {"prometheus": "http://prometheus"}},
        },
    ],
    "dagProcessor": {"env": {"A": "1"}, "resources": {"limits": {"cpu": "2"}}},
    "triggerer": {
        "slots": 5,
        "nodeSelector": {"disk": "ssd"},
        "priorityClass": "high",
        "spread": {"over": "zone"},
    },
    "sentinel": {
        "image": "images.example.com/sentinel:1",
        "identity": {"gcp": {"serviceAccount": "x@project.iam.gserviceaccount.com"}},
    },
}
FIRST = {
    key: value
    for key, value in FULL.items()
    if key not in {"stateStore", "workers", "sentinel", "dagProcessor", "triggerer", "logs"}
}


STACKS = {
    "plain": with_agent(),
    "full": with_ready_image(**FULL),
    "first": with_ready_image(**FIRST, chart={"version": "1.0.2"}),
    "image": stack(delivery="agent-image"),
}


def leaves(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that is decided, one entry at a time where lists are joined."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, key))
    elif isinstance(tree, list) and (path[-1] in JOINED or path == ("workers",)):
        for index, item in enumerate(tree):
            yield from leaves(item, (*path, index)) if path == ("workers",) else [((*path, index), item)]
    else:
        yield path, tree


def other_than(value: Any) -> Any:
    if isinstance(value, dict):
        return {**value, **{key: "other" for key in value if key not in {"name", "mountPath"}}}
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else "other"


def raw(path: Path, value: Any) -> Any:
    """The tree that holds one value at a path."""
    if not path:
        return value
    below = raw(path[1:], value)
    return [below] if isinstance(path[0], int) else {path[0]: below}


def with_raw(agent: Agent, path: Path, value: Any) -> Agent:
    if path[0] == "workers":
        workers = list(agent.workers)
        workers[int(path[1])] = agent.workers[int(path[1])].model_copy(
            update={"values": raw(path[2:], value)}
        )
        return agent.model_copy(update={"workers": tuple(workers)})
    return agent.model_copy(update={"values": raw(path, value)})


@pytest.mark.parametrize("name", STACKS)
def test_every_decided_value_beats_its_raw_spelling(name: str) -> None:
    settings = settings_of(STACKS[name])
    plan = delivery.plan(settings, authorities={})
    image = settings.agent.image or (plan.runtime.repository if plan.runtime else None)
    decided = decided_values(settings, plan, image=image)
    expected = chart_values(settings, plan, image=image)
    paths = list(leaves(decided))
    assert len(paths) > 20
    for path, value in paths:
        other = settings.model_copy(update={"agent": with_raw(settings.agent, path, other_than(value))})
        same = settings.model_copy(update={"agent": with_raw(settings.agent, path, value)})
        refused = list(contradicting_values(other, plan))
        named = {"name", "mountPath"} & set(value) if isinstance(value, dict) else set()
        assert len(refused) == 1 or len(value) == len(named), path
        if refused:
            assert chart_values(other, plan, image=image) == expected, path
            with pytest.raises(SettingsError) as caught:
                delivery.check(other, plan, project="p")
            assert str(caught.value).startswith("p:agent.")
            assert setting_of(settings, refused[0][1]) in str(caught.value) or "name or path" in str(
                caught.value
            )
        assert not list(contradicting_values(same, plan)), path
        assert chart_values(same, plan, image=image) == expected, path
        delivery.check(same, plan, project="p")


@pytest.mark.parametrize(
    ("values", "key", "setting"),
    [
        ({"triggerer": {"replicas": 5}}, "triggerer.replicas", "agent.triggerer.replicas"),
        ({"sentinel": {"enabled": False}}, "sentinel.enabled", "agent.sentinel.enabled"),
        ({"openLineage": {"url": "https://x.example.com"}}, "openLineage.url", "agent.openLineage.url"),
        (
            {"podSecurityContext": {"runAsNonRoot": False}},
            "podSecurityContext.runAsNonRoot",
            "agent.podSecurity",
        ),
        (
            {"commonEnv": [{"name": "GIT_CONFIG_COUNT", "value": "0"}]},
            "commonEnv.GIT_CONFIG_COUNT",
            "agent.env",
        ),
    ],
)
def test_the_sentence_names_key_and_setting(values: dict[str, Any], key: str, setting: str) -> None:
    settings = settings_of(with_ready_image(**FULL))
    settings = settings.model_copy(update={"agent": settings.agent.model_copy(update={"values": values})})
    with pytest.raises(SettingsError) as caught:
        delivery.check(settings, delivery.plan(settings, authorities={}), project="astro-dbt")
    (problem,) = caught.value.problems
    assert problem.key == f"astro-dbt:agent.values.{key}"
    assert setting in problem.message


def test_what_no_setting_decides_passes() -> None:
    config = with_agent(
        values={"dagProcessor": {"image": "r.example.com/dags:1"}, "labels": {"team": "data"}},
        workers=[{"name": "w", "values": {"hpa": {"behavior": {"scaleDown": {"selectPolicy": "Min"}}}}}],
    )
    settings = settings_of(config)
    plan = delivery.plan(settings, authorities={})
    delivery.check(settings, plan, project="p")
    values = chart_values(settings, plan)
    assert values["dagProcessor"]["image"] == "r.example.com/dags:1"
    assert values["workers"][0]["hpa"]["behavior"] == {"scaleDown": {"selectPolicy": "Min"}}
