"""What the 2.x stand-in refuses: every mistake that the documentation names."""

from typing import Any

import pytest

from tests.support.helm_chart import Render, RenderError


def test_nothing_but_defaults_names_what_is_missing(render: Render) -> None:
    with pytest.raises(RenderError) as refused:
        render(defaults=True)
    for key in ("resourceNamePrefix", "namespace", "astroDeploymentAPIURL", "imagePullSecretName"):
        assert key in str(refused.value)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"nosuch": 1}, "nosuch"),
        ({"image": {"repository": "a", "tag": "b"}}, "/image"),
        ({"agents": {"worker": {}}}, "agents"),
        ({"workers": [{"name": "w", "envFrom": []}]}, "envFrom"),
        ({"workers": [{"name": "w", "queues": ["default"]}]}, "queues"),
        ({"workers": [{"name": "w", "hpa": {"metric": {"target": {"type": "Value", "Value": 10}}}}]}, "Value"),
        ({"workers": [{"name": "w", "hpa": {"terminationGracePeriodSeconds": 5}}]}, "terminationGracePeriodSeconds"),
        ({"workers": [{"queues": "default"}]}, "name"),
        ({"workers": []}, "workers"),
        ({"workers": {"name": "w"}}, "workers"),
        ({"dagProcessor": {"replicas": 2}}, "replicas"),
        ({"triggerer": {"syncSlots": 2}}, "syncSlots"),
        ({"sentinel": {"replicas": 2}}, "replicas"),
        ({"serviceAccount": {"scheduler": {}}}, "scheduler"),
        ({"serviceAccount": {"workers": {"roleArn": "x"}}}, "roleArn"),
        ({"openLineage": {"apikey": "x"}}, "apikey"),
        ({"loggingSidecar": {"tag": "x"}}, "tag"),
        ({"commonEnv": {"A": "b"}}, "commonEnv"),
        ({"commonEnv": [{"name": "A", "value": True}]}, "commonEnv"),
        ({"commonEnv": [{"name": "A", "value": "x", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}, "commonEnv"),
        ({"commonEnv": [{"name": "A", "secretKeyRef": {"name": "s", "key": "k"}}]}, "secretKeyRef"),
        ({"dagBundleConfigList": [{"name": "dags"}]}, "dagBundleConfigList"),
        ({"dagBundleConfigList": "{}"}, "dagBundleConfigList"),
        ({"dagBundleConfigList": "[{'name': 'dags'}]"}, "dagBundleConfigList"),
        ({"secretBackend": {"type": "x"}}, "secretBackend"),
        ({"imagePullPolicy": "Sometimes"}, "imagePullPolicy"),
        ({"workers": [{"name": "w"}, {"name": "w"}]}, 'name "w" is there twice'),
    ],
)  # fmt: skip
def test_unknown_or_misshapen_key_is_refused(render: Render, values: dict[str, Any], named: str) -> None:
    with pytest.raises(RenderError) as refused:
        render(**values)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    "values",
    [
        {"imagePullSecretName": None},
        {"imagePullSecretData": "{}"},
        {"agentToken": "a", "agentTokenSecretName": "b"},
        {"agentToken": "a", "agentTokenFile": "/b"},
        {"agentTokenSecretName": "a", "agentTokenFile": "/b"},
        {"sentinelAuthSecret": "a", "sentinelAuthSecretName": "b"},
        {"sentinelAuthSecret": "a", "sentinelAuthSecretFile": "/b"},
        {"sentinelAuthSecretName": "a", "sentinelAuthSecretFile": "/b"},
        {"openLineage": {"apiKey": "a", "apiKeySecret": "b"}},
    ],
)
def test_alternatives_exclude_each_other(render: Render, values: dict[str, Any]) -> None:
    with pytest.raises(RenderError, match=r"'(not|oneOf)' failed"):
        render(**values)


def test_null_counts_as_not_given(render: Render) -> None:
    assert render(agentToken=None, agentTokenSecretName="b", sentinelAuthSecret=None).names("Deployment")


@pytest.mark.parametrize("bare", ["worker-w", "triggerer"])
def test_a_sidecar_without_its_volume_does_not_render(render: Render, bare: str) -> None:
    volumes = [{"name": "task-logs", "emptyDir": {}}]
    values: dict[str, Any] = {
        "workers": [{"name": "w", "volumes": [] if bare == "worker-w" else volumes}],
        "triggerer": {"volumes": [] if bare == "triggerer" else volumes},
    }
    with pytest.raises(
        RenderError, match=f"needs the volume task-logs, which astro-agent-{bare} does not have"
    ):
        render(loggingSidecar={"enabled": True}, **values)
