"""Each rule trips on what it is for, gives its reason and the remedy, and keeps quiet about a good stack."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from domain.names import IMAGE_TYPE, NAMESPACE_TYPE, RELEASE_TYPE, SECRET_TYPE, STACK_TYPE
from policy.rules import RULES, PolicyInput, Resource

DIGEST = "@sha256:" + "a" * 64
RESOURCES = {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "2Gi"}}
VALUES: dict[str, Any] = {
    "image": f"registry.example.com/client{DIGEST}",
    "agentTokenSecretName": "a-agent-token",
    "commonEnv": [
        {"name": "AIRFLOW_CONN_GIT", "valueFrom": {"secretKeyRef": {"name": "s", "key": "connection"}}},
        {"name": "ASTRO_DBT_SECRETS", "value": "0a1b"},
    ],
    "dagBundleConfigList": json.dumps([{"name": "dags", "kwargs": {"submodules": True}}]),
    "workers": [{"name": "w", "replicas": 2, "terminationGracePeriodSeconds": 600, "resources": RESOURCES}],
}
MUTABLE = {"enableSecretMutable": "true"}


def good() -> dict[str, Resource]:
    return {
        "stack": Resource(STACK_TYPE, "astro-dbt-prod", {"delivery": "git-submodule"}),
        "namespace": Resource(NAMESPACE_TYPE, "agents", {"metadata": {"name": "agents"}}, True, MUTABLE),
        "token": Resource(SECRET_TYPE, "t", {"metadata": {"name": "a-agent-token"}}, True, MUTABLE),
        "release": Resource(
            RELEASE_TYPE, "agent", {"values": copy.deepcopy(VALUES), "timeout": 900, "version": "2.3.3"}
        ),
        "image": Resource(
            IMAGE_TYPE,
            "client",
            {"imageName": "r/c:0a", "build": {"args": {"BASE_IMAGE": f"r/base:3.1-3{DIGEST}"}}},
        ),
    }


def messages(rule, resources, *, projects=({"name": "jaffle"},), **config):
    (found,) = [item for item in RULES if item.name == rule]
    return list(found.check(PolicyInput("prod", tuple(resources.values()), config, projects)))


def with_values(**changes: Any) -> dict[str, Resource]:
    resources = good()
    values = {**VALUES, **changes}
    resources["release"] = Resource(
        RELEASE_TYPE, "agent", {"values": values, "timeout": 900, "version": "2.3.3"}
    )
    return resources


def with_worker(**changes: Any) -> dict[str, Resource]:
    return with_values(workers=[{**VALUES["workers"][0], **changes}])


def with_release(**changes: Any) -> dict[str, Resource]:
    resources = good()
    resources["release"] = Resource(RELEASE_TYPE, "agent", {**resources["release"].props, **changes})
    return resources


def changed(key: str, **changes: Any) -> dict[str, Resource]:
    resources = good()
    resources[key] = Resource(**{**resources[key].__dict__, **changes})
    return resources


def no_submodules() -> dict[str, Resource]:
    return with_values(dagBundleConfigList=json.dumps([{"name": "dags", "kwargs": {}}]))


def as_image(resources: dict[str, Resource]) -> dict[str, Resource]:
    return {**resources, "stack": Resource(STACK_TYPE, "s", {"delivery": "agent-image"})}


TRIPPED = [
    ("no-credential-in-clear", with_values(agentToken="canary"), "agentToken"),
    ("no-credential-in-clear", with_values(commonEnv=[{"name": "DB_PASSWORD", "value": "canary"}]), "DB_PASSWORD"),
    ("no-credential-in-clear", with_worker(env=[{"name": "U", "value": "https://u:canary@h"}]), "workers.w.env.U"),
    ("images-by-digest", with_values(image="registry.example.com/client:1"), "image of the release"),
    ("images-by-digest", with_worker(image="r/c:1"), "workers.w.image"),
    ("images-by-digest", with_worker(initContainers=[{"name": "i", "image": "r/i:1"}]), "initContainers.i.image"),
    ("base-by-digest", changed("image", props={"build": {"args": {"BASE_IMAGE": "r/base:3.1-3"}}}), "repository:tag@sha256"),
    ("no-latest", with_values(image="registry.example.com:5000/client"), "registry.example.com:5000/client"),
    ("no-latest", with_values(sentinel={"image": "r/s:latest"}), "sentinel.image"),
    ("no-latest", changed("image", props={"imageName": "r/c:latest"}), "the image that is pushed"),
    ("no-latest", changed("image", props={"build": {"args": {"BASE_IMAGE": "r/b"}}}), "image.base"),
    ("chart-version-pinned", with_release(version="^2.3"), "'^2.3'"),
    ("resources-set", with_worker(resources={"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}), "requests for memory"),
    ("resources-set", with_worker(resources={}), "limits for memory"),
    ("grace-below-timeout", with_worker(terminationGracePeriodSeconds=900), "900 s to stop"),
    ("grace-below-timeout", with_release(timeout=300), "Helm waits 300 s"),
    ("submodules-match-projects", no_submodules(), "empty folder"),
    ("submodules-match-projects", as_image(good()), "clone them once more"),
    ("no-secret-replaced", changed("token", provider={}), "a-agent-token"),
    ("protected", changed("namespace", protect=False), "Namespace agents"),
    ("protected", changed("token", protect=False), "a-agent-token"),
    ("workers-at-least", with_worker(replicas=0), "has 0 Pods"),
    ("workers-at-least", with_worker(hpa={"enabled": True, "minReplicaCount": 0}), "autoscaling.minReplicas"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "resources", "words"), TRIPPED)
def test_the_rule_trips_with_reason_and_remedy(rule, resources, words):
    found = messages(rule, resources)
    assert found
    assert words in " ".join(found)
    for message in found:
        assert len(message.split(". ")) >= 3  # what, why, what instead
        assert "canary" not in message


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_a_good_stack_trips_nothing(rule):
    assert messages(rule, good()) == []


def test_every_rule_has_a_case_that_trips_it():
    assert {rule.name for rule in RULES} == {rule for rule, _, _ in TRIPPED}


@pytest.mark.parametrize("known", [False, True])
def test_a_range_in_the_configuration_trips_also_when_the_plugin_has_resolved_it(known):
    resources = good() if known else with_release(version=None)
    (rule,) = [item for item in RULES if item.name == "chart-version-pinned"]
    (message,) = rule.check(PolicyInput("prod", tuple(resources.values()), chart_version=">=2"))
    assert message.startswith("agent.chart.version of the stack is '>=2', which is not exact. ")


def test_two_workers_where_the_level_asks_for_two():
    assert messages("workers-at-least", with_worker(replicas=1)) == []
    assert (
        "fewer than the 2 that prod requires"
        in messages("workers-at-least", with_worker(replicas=1), minimum=2)[0]
    )


def test_code_submodules_are_fetched_under_both_options():
    (rule,) = [item for item in RULES if item.name == "submodules-match-projects"]
    listed = ({"repo": "https://git.example.com/a/common.git"},)
    bundles = {"dags": {"submodules": listed}}
    for resources in (good(), as_image(good())):
        assert not list(rule.check(PolicyInput("prod", tuple(resources.values()), bundles=bundles)))
    (message,) = rule.check(PolicyInput("prod", tuple(no_submodules().values()), bundles=bundles))
    assert "dags.submodules lists some" in message


def test_each_bundle_is_judged_by_its_own_projects():
    (rule,) = [item for item in RULES if item.name == "submodules-match-projects"]
    git = "airflow.providers.git.bundles.git.GitDagBundle"
    entries = [
        {"name": "sales", "classpath": git, "kwargs": {"submodules": True}},
        {"name": "finance", "classpath": git, "kwargs": {}},
        {"name": "reports", "classpath": "example.Bundle", "kwargs": {"submodules": True}},
        {"name": "unknown", "classpath": git, "kwargs": {}},
    ]
    bundles = {f"dags[{index}]": {"name": entry["name"]} for index, entry in enumerate(entries[:3])}
    resources = tuple(with_values(dagBundleConfigList=json.dumps(entries)).values())

    def judged(*homes):
        projects = [{"name": f"of_{home}", "bundle": home} for home in homes]
        return list(rule.check(PolicyInput("prod", resources, projects=projects, bundles=bundles)))

    assert judged("sales") == []
    (message,) = judged("sales", "finance")
    assert message.startswith("the Dag bundle finance of the release agent does not fetch submodules")
    assert "of_finance" in message
    assert "of_sales" not in message
    assert [item.split(" of the")[0] for item in judged("finance")] == [
        "the Dag bundle sales",
        "the Dag bundle finance",
    ]


def test_submodules_without_a_project_that_is_one():
    found = messages("submodules-match-projects", good(), projects=({"name": "j", "submodule": False},))
    assert "no dbt project is one" in found[0]
