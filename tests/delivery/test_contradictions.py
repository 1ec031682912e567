"""Raw chart values that contradict the typed settings: refused for every value that the settings decide."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest
from pydantic import BaseModel

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
    "prefix": "agents",
    "env": {"TEAM": "data"},
    "openLineage": {
        "enabled": True,
        "namespace": "lineage",
        "url": "https://lineage.example.com",
        "apiKeySecret": "lineage",
    },
    "identity": {
        "azure": {
            "clientId": "00000000-0000-0000-0000-000000000001",
            "tenantId": "00000000-0000-0000-0000-000000000002",
        }
    },
    "logs": {
        "sidecar": {
            "image": "timberio/vector:0.45.0-debian",
            "name": "vector",
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


_AMOUNTS = {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}
_COMPONENT: dict[str, Any] = {
    "env": {"A": "1"},
    "resources": {"requests": _AMOUNTS, "limits": _AMOUNTS},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "k"}],
    "affinity": {"nodeAffinity": {"x": "y"}},
    "spread": {"over": "node", "required": True},
    "priorityClass": "high",
    "identity": {"aws": {"roleArn": "arn:aws:iam::123456789012:role/one", "by": "pod-identity"}},
}
OTHER: dict[str, Any] = {
    "secretsBackend": {"class": "a.b.C", "kwargsSecret": {"secret": "s", "key": "k"}},
    "xcom": {"path": "s3://conn@bucket/xcom", "threshold": 9, "backend": "a.b.C"},
    "stateStore": {"class": "a.b.C", "path": "s3://conn@bucket/state"},
    "identity": {"gcp": {"serviceAccount": "x@project.iam.gserviceaccount.com"}, "account": "agents"},
    "logs": {
        "sidecar": {
            "resources": {"requests": _AMOUNTS, "limits": _AMOUNTS},
            "config": {"sinks": {"store": {"type": "aws_s3"}}},
        }
    },
    "workers": [
        {
            **_COMPONENT,
            "name": "w",
            "autoscaling": {"minReplicas": 2, "maxReplicas": 3, "target": 7},
            "terminationGracePeriodSeconds": 77,
            "kubernetesPodOperator": True,
        },
        {"name": "second", "queues": ["second"], "replicas": 2},
    ],
    "dagProcessor": _COMPONENT,
    "triggerer": {**_COMPONENT, "replicas": 2},
    "sentinel": {
        **{key: value for key, value in _COMPONENT.items() if key != "spread"},
        "enabled": False,
    },
}
"""What FULL has no room for."""


STACKS = {
    "plain": with_agent(),
    "full": with_ready_image(**FULL),
    "other": with_ready_image(**OTHER),
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


@pytest.mark.parametrize("own", [None, "images.example.com/sentinel:1"])
def test_the_copy_of_an_image_beats_a_raw_one(own: str | None) -> None:
    """Without `mirror`, the chart's default and raw values decide the sentinel's image; with it, a copy would silently win."""
    vendor = "images.example.com/astro-remote-execution-sentinel:1.2.0"
    config = with_agent(values={"sentinel": {"image": vendor}}, sentinel={"image": own} if own else {})
    mirror = {"mirror": {"repository": "registry.example.com/mirror"}}
    sentence = "agent.sentinel.image, which determines this value"
    for changes, refused in (
        (({}), own is not None),
        (mirror, True),
        ({"mirror": {**mirror["mirror"], "sentinel": False}}, own is not None),
    ):
        settings = settings_of({**config, **changes})
        plan = delivery.plan(settings, authorities={})
        if not refused:
            delivery.check(settings, plan, project="p")
            continue
        with pytest.raises(SettingsError, match=sentence) as caught:
            delivery.check(settings, plan, project="p")
        assert [problem.key for problem in caught.value.problems] == ["p:agent.values.sentinel.image"]


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


ELSEWHERE: Mapping[str, str] = {
    "Agent.cluster": "where the release goes",
    "TargetCluster.*": "where the release goes",
    "Agent.release": "the release's own name",
    "Agent.chart": "which values there are",
    "Chart.*": "which values there are",
    "Agent.timeout": "how Helm works",
    "Agent.history": "how Helm works",
    "Agent.protect": "what Pulumi refuses to delete",
    "Agent.releaseNamespace": "where Helm keeps its records",
    "Agent.createNamespace": "the namespace is this program's: the chart's createNamespace is always false",
    "Agent.agentTokenSecret": "refused by settings.chart_keys.MANAGED under any value",
    "Agent.imagePullSecret": "refused by settings.chart_keys.MANAGED under any value",
    "Agent.sentinelAuthSecret": "refused by settings.chart_keys.MANAGED under any value",
    "OpenLineage.apiKeySecret": "refused by settings.chart_keys.MANAGED under any value",
    "Agent.disruptionBudgets": "objects next to the chart's (delivery.objects)",
    "DisruptionBudgets.*": "objects next to the chart's (delivery.objects)",
    "DisruptionBudget.*": "objects next to the chart's (delivery.objects)",
    "Keda.*": "objects next to the chart's (delivery.objects)",
    "*.values": "the raw values themselves",
    "Agent.valuesFiles": "the raw values themselves",
    "*.unknownValues": "what the raw values may contain",
    "*.withheld": "what is left to the raw values (tests/delivery/test_withheld.py)",
    "*.envOrder": "an order, not a value",
    "Sentinel.spread": "there is one sentinel (settings.consistency)",
}
"""Setting -> why no value of the chart is decided by it."""


def is_elsewhere(setting: str) -> bool:
    model, _, key = setting.partition(".")
    return not ELSEWHERE.keys().isdisjoint((setting, f"{model}.*", f"*.{key}"))


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def declared(model: type[BaseModel], above: tuple[type[BaseModel], ...] = ()) -> Iterator[str]:
    """`Model.key` of every setting below a model, as the models themselves say."""
    for name, field in model.model_fields.items():
        yield f"{model.__name__}.{field.alias or name}"
        for below in models_in(field.annotation):
            if below not in above:
                yield from declared(below, (*above, below))


def written(value: Any, path: Path = ()) -> Iterator[tuple[str, Path]]:
    """(`Model.key`, path in the stack file) of every setting that a stack writes."""
    if isinstance(value, BaseModel):
        for name in value.model_fields_set:
            key = type(value).model_fields[name].alias or name
            yield f"{type(value).__name__}.{key}", (*path, key)
            yield from written(getattr(value, name), (*path, key))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from written(item, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from written(item, (*path, index))


def variants(tree: Any, path: Path) -> Iterator[Any]:
    """Copies of a tree without the entry at a path, and with another one: what has no default cannot be left out."""
    for other in (None, *others(at(tree, path))):
        found = copy.deepcopy(tree)
        node = at(found, path[:-1])
        if other is None:
            del node[path[-1]]
        else:
            node[path[-1]] = other
        yield found


def at(tree: Any, path: Path) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def others(value: Any) -> Iterator[Any]:
    if isinstance(value, str):
        yield {"node": "zone", "zone": "node"}.get(value)
        yield f"{value}2"
        yield value.replace("1", "2")
        yield f"x{value}"
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, list):
        yield [*value, "more"]
    elif isinstance(value, dict):
        yield from ({**value, key: other} for key, item in value.items() for other in others(item))


def decided_by(config: dict[str, Any]) -> Any:
    settings = settings_of(config)
    return decided_values(settings, delivery.plan(settings, authorities={}), image=settings.agent.image)


def test_every_setting_of_the_agents_decides_a_value_or_is_known_not_to() -> None:
    """A setting that is new has to be in one of the stacks above, and has to make a difference to the decided values there."""
    deciding: set[str] = set()
    for config in STACKS.values():
        before = decided_by(config)
        for setting, path in written(settings_of(config).agent):
            if setting in deciding or is_elsewhere(setting):
                continue
            for variant in variants(config, ("agent", *path)):
                with contextlib.suppress(SettingsError):
                    if decided_by(variant) != before:
                        deciding.add(setting)
                        break
    every = set(declared(Agent))
    assert every > {"Logs.sidecar", "Identity.aws", "StateStore.path", "Autoscaling.target", "Spread.over"}
    assert {setting for setting in every if not is_elsewhere(setting)} - deciding == set()


def test_no_exception_is_needless() -> None:
    every = set(declared(Agent))
    for exception in ELSEWHERE:
        model, _, key = exception.partition(".")
        assert any(
            model in {"*", setting.split(".")[0]} and key in {"*", setting.split(".")[1]} for setting in every
        ), exception
