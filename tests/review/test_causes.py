"""Reasons in words: every kind of change that settings can make, and the order in which people read them."""

from __future__ import annotations

from typing import Any

import pytest

import delivery
from delivery.chart_values import chart_values
from domain.names import CONFIG_MAP_TYPE
from review.causes import GIT, IMAGE, PLACES, SECRET, Causes
from review.differences import Difference
from review.restarts import deployments
from tests.review import changes
from tests.review.previews import SECRET as SECRET_RESOURCE
from tests.review.previews import VALUES, release, review, step
from tests.support.stacks import SSH_KEY, settings_of, stack, with_agent, with_ready_image

GIT_HOST = "https://git.example.com"
DAGS = stack()["dags"] | {"name": "dags"}
JAFFLE = stack()["dbtProjects"][0]
FINANCE = {"name": "finance", "repo": f"{GIT_HOST}/finance/dags.git", "connection": "git"}
LIBRARY = {"repo": f"{GIT_HOST}/platform/library.git", "connection": "git"}
CHURN = {
    "name": "churn",
    "path": "dags/dbt/churn",
    "repo": f"{GIT_HOST}/analytics/churn.git",
    "connection": "git",
}
S3 = {
    "name": "s3",
    "class": "airflow.providers.amazon.aws.bundles.s3.S3DagBundle",
    "arguments": {"bucket_name": "dags"},
}
KEYS = {
    "git": stack()["connections"]["git"],
    "key": {"type": "ssh", "knownHosts": "git.example.com ssh-ed25519 AAAA"},
}
WITH_KEY = {
    "connections": KEYS,
    "credentials": {**stack()["credentials"], "key": {"privateKey": SSH_KEY}},
}
DAGS_OVER_SSH = {**DAGS, "repo": "git@git.example.com:platform/dags.git", "connection": "key"}
LIBRARY_OVER_SSH = {"repo": "git@git.example.com:platform/library.git", "connection": "key"}
WORKER = {"name": "default-worker"}
AWS = {"aws": {"roleArn": "arn:aws:iam::123456789012:role/agents"}}
AZURE = {"azure": {"clientId": "11111111-1111-1111-1111-111111111111"}}
IN = "moving the Dags of `dags` into the image"
OUT = "moving the Dags of `dags` out of the image"
ADDED, REMOVED = "adding Dag bundle `finance`", "removing Dag bundle `finance`"


def several(*bundles: dict[str, Any], **more: Any) -> dict[str, Any]:
    return stack(dags=list(bundles), dbtProjects=[{**JAFFLE, "bundle": "dags"}], **more)


def baked(**more: Any) -> dict[str, Any]:
    return stack(delivery="agent-image", dags={**DAGS, "source": "repository"}, **more)


def one_worker(**settings: Any) -> dict[str, Any]:
    return with_agent(workers=[{**WORKER, **settings}])


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "a bundle is added": (several(DAGS), several(DAGS, FINANCE), [ADDED]),
    "a bundle is removed": (several(DAGS, FINANCE), several(DAGS), [REMOVED]),
    "a bundle becomes a list of one": (stack(), several(DAGS), []),
    "a bundle of another class is added": (
        several(DAGS),
        several(DAGS, S3),
        ["adding Dag bundle `s3`"],
    ),
    "the bucket of a bundle changes": (
        several(DAGS, S3),
        several(DAGS, {**S3, "arguments": {"bucket_name": "other"}}),
        ["the arguments of Dag bundle `s3`"],
    ),
    "the ref of a bundle changes": (
        several(DAGS, FINANCE),
        several(DAGS, {**FINANCE, "ref": "release"}),
        ["the ref of Dag bundle `finance`"],
    ),
    "the folder of a bundle changes": (
        stack(),
        stack(dags={**DAGS, "subdir": "other"}),
        ["the folder of Dag bundle `dags`", "the folder of the Dags"],
    ),
    "the refresh interval changes": (
        stack(),
        stack(dags={**DAGS, "refreshInterval": 60}),
        ["the refresh interval of Dag bundle `dags`"],
    ),
    "the arguments of a bundle change": (
        stack(),
        stack(dags={**DAGS, "arguments": {"sparse_dirs": ["dags"]}}),
        ["the arguments of Dag bundle `dags`"],
    ),
    "the repository of the second bundle changes": (
        several(DAGS, FINANCE),
        several(DAGS, {**FINANCE, "repo": f"{GIT_HOST}/finance/other.git"}),
        ["Git access of Dag bundle `finance`"],
    ),
    "the connection of a bundle changes": (
        stack(**WITH_KEY, dbtPackages=[{**LIBRARY_OVER_SSH}]),
        stack(**WITH_KEY, dbtPackages=[{**LIBRARY_OVER_SSH}], dags=DAGS_OVER_SSH),
        ["Git access of Dag bundle `dags`"],
    ),
    "a bundle becomes public": (
        stack(),
        stack(dags={"repo": DAGS["repo"], "subdir": "dags"}),
        ["Git access of Dag bundle `dags`"],
    ),
    "a submodule is added": (
        stack(),
        stack(dags={**DAGS, "submodules": [LIBRARY]}),
        ["Git access of submodule `platform/library` of Dag bundle `dags`"],
    ),
    "a submodule is removed": (
        stack(dags={**DAGS, "submodules": [LIBRARY]}),
        stack(),
        ["Git access of repository `platform/library`"],
    ),
    "submodules are fetched under agent-image": (
        stack(delivery="agent-image"),
        stack(delivery="agent-image", dags={**DAGS, "submodules": [LIBRARY]}),
        [
            "the submodules of Dag bundle `dags`",
            "Git access of dbt project `jaffle`",
            "Git access of submodule `platform/library` of Dag bundle `dags`",
        ],
    ),
    "a submodule over SSH is added": (
        stack(**WITH_KEY),
        stack(**WITH_KEY, dags={**DAGS, "submodules": [LIBRARY_OVER_SSH]}),
        ["Git access of submodule `platform/library` of Dag bundle `dags`", GIT.text],
    ),
    "a dbt package is added": (
        stack(),
        stack(dbtPackages=[LIBRARY]),
        ["Git access of dbt package `platform/library`"],
    ),
    "a dbt project is added": (
        stack(),
        stack(dbtProjects=[JAFFLE, CHURN]),
        ["adding dbt project `churn`"],
    ),
    "a dbt project is removed": (
        stack(dbtProjects=[JAFFLE, CHURN]),
        stack(),
        ["removing dbt project `churn`"],
    ),
    "a dbt project is in another folder": (
        stack(),
        stack(dbtProjects=[{**JAFFLE, "path": "dags/dbt/other"}]),
        [PLACES.text],
    ),
    "a dbt project is added to the image": (
        stack(delivery="agent-image"),
        stack(delivery="agent-image", dbtProjects=[JAFFLE, CHURN]),
        ["adding dbt project `churn`"],
    ),
    "the option changes": (
        stack(),
        stack(delivery="agent-image"),
        [PLACES.text, "the submodules of Dag bundle `dags`", "Git access of dbt project `jaffle`"],
    ),
    "the Dags move into the image": (stack(delivery="agent-image"), baked(), [IN]),
    "the Dags move out of the image": (baked(), stack(delivery="agent-image"), [OUT]),
    "the option changes and the Dags move into the image": (
        stack(),
        baked(),
        [IN, PLACES.text, "Git access of dbt project `jaffle`"],
    ),
    "a ready image": (
        stack(),
        with_ready_image(image="r.example.com/a:1"),
        [IMAGE.text, "the dbt of the image"],
    ),
    "another ready image": (
        with_ready_image(image="r.example.com/a:1"),
        with_ready_image(image="r.example.com/a:2"),
        [IMAGE.text],
    ),
    "the image of a worker": (one_worker(), one_worker(image="r.example.com/a:1"), [IMAGE.text]),
    "the image of the sentinel": (
        with_agent(),
        with_agent(sentinel={"image": "r.example.com/s:1"}),
        ["the sentinel's image"],
    ),
    "the ids": (
        with_agent(),
        with_agent(ids={**stack()["agent"]["ids"], "workspace": "x"}),
        ["OpenLineage", "the Deployment's ids"],
    ),
    "the address": (
        with_agent(),
        with_agent(apiUrl="https://other.external.astronomer.run/dabcdefg"),
        ["the address of the Deployment"],
    ),
    "the identity": (with_agent(), with_agent(identity=AWS), ["the cloud identity"]),
    "the identity of Azure": (with_agent(), with_agent(identity=AZURE), ["the cloud identity"]),
    "the identity of one worker": (one_worker(), one_worker(identity=AWS), ["the cloud identity"]),
    "the sidecar for logs": (
        with_agent(),
        with_agent(logs={"sidecar": {"sinks": {"s": {"type": "http", "uri": "https://l.example.com"}}}}),
        ["task logs"],
    ),
    "the remote logs": (
        with_agent(),
        with_agent(logs={"remote": {"folder": "s3://b/logs", "connection": "aws_default"}}),
        ["task logs"],
    ),
    "the XCom store": (with_agent(), with_agent(xcom={"path": "s3://aws@b/xcom"}), ["the XCom store"]),
    "the state store": (
        with_agent(),
        with_agent(stateStore={"path": "s3://aws@b/state"}),
        ["the state store"],
    ),
    "the secrets backend": (
        with_agent(),
        with_agent(secretsBackend={"class": "airflow.providers.hashicorp.secrets.vault.VaultBackend"}),
        ["the secrets backend"],
    ),
    "lineage": (
        with_agent(),
        with_agent(openLineage={"enabled": True, "apiKeySecret": "key"}),
        ["OpenLineage"],
    ),
    "pod security": (with_agent(), with_agent(podSecurity="restricted"), ["pod security"]),
    "the size of a worker": (one_worker(), one_worker(replicas=3), ["the number of Pods"]),
    "autoscaling": (one_worker(), one_worker(autoscaling={"maxReplicas": 4}), ["autoscaling"]),
    "resources": (one_worker(), one_worker(resources={"requests": {"cpu": "2"}}), ["resources"]),
    "the queues": (one_worker(), one_worker(queues=["default", "dbt"]), ["the queues that a worker serves"]),
    "the slots": (one_worker(), one_worker(slots=7), ["how much a Pod runs at once"]),
    "the slots of the triggerer": (
        with_agent(),
        with_agent(triggerer={"slots": 7}),
        ["how much a Pod runs at once"],
    ),
    "the grace period": (
        one_worker(),
        one_worker(terminationGracePeriodSeconds=60),
        ["the time for a Pod to stop"],
    ),
    "the nodes": (one_worker(), one_worker(nodeSelector={"pool": "big"}), ["where Pods may run"]),
    "the spread": (one_worker(), one_worker(spread={"over": "zone"}), ["where Pods may run"]),
    "the priority": (one_worker(), one_worker(priorityClass="high"), ["the priority of Pods"]),
    "Pods of tasks": (one_worker(), one_worker(kubernetesPodOperator=True), ["the permission to start Pods"]),
    "another worker": (
        one_worker(),
        with_agent(workers=[WORKER, {"name": "dbt", "queues": ["dbt"]}]),
        ["adding worker `dbt`"],
    ),
    "a worker less": (
        with_agent(workers=[WORKER, {"name": "dbt", "queues": ["dbt"]}]),
        one_worker(),
        ["removing worker `dbt`"],
    ),
    "a Secret with another name": (
        with_agent(),
        with_agent(imagePullSecret="mine"),
        [],  # the component adds the names of Secrets; a case below has them
    ),
    "a variable": (with_agent(), with_agent(env={"MY_FLAG": "1"}), ["`commonEnv.MY_FLAG`"]),
    "a variable of a worker": (
        one_worker(),
        one_worker(env={"MY_FLAG": "1"}),
        ["`workers.default-worker.env.MY_FLAG`"],
    ),
    "a connection of Airflow that is not for Git": (
        with_agent(),
        with_agent(env={"AIRFLOW_CONN_AWS_DEFAULT": {"secret": "aws", "key": "connection"}}),
        ["`commonEnv.AIRFLOW_CONN_AWS_DEFAULT`"],
    ),
    "a setting of Cosmos": (
        with_agent(),
        with_agent(env={"AIRFLOW__COSMOS__CACHE_DIR": "/cache"}),
        ["`commonEnv.AIRFLOW__COSMOS__CACHE_DIR`"],
    ),
    "a raw value": (with_agent(), with_agent(values={"logLevel": "DEBUG"}), ["`logLevel`"]),
    "a label that is called image": (
        with_agent(),
        with_agent(values={"labels": {"image": "x"}}),
        ["`labels.image`"],
    ),
    "the settings of the registry": (
        stack(),
        stack(registry={"server": "registry.example.com", "username": "x"}),
        [],
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_every_kind_of_change_has_its_reason(kind: str) -> None:
    before, after, expected = CHANGES[kind]
    found = changes.change(before, after)
    assert changes.reasons(found) == expected
    told = {reason for part in found.deployments for reason in part.reasons}
    assert told <= {reason.replace("workers.default-worker.", "worker.") for reason in expected}
    if any(part.disturbed for part in found.deployments):
        assert told, "a Deployment restarts, and nothing says why"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("commonEnv.ASTRO_DBT_SECRETS", SECRET.text),
        ("sentinel.env.ASTRO_DBT_SECRETS", SECRET.text),
        ("agentTokenSecretName", "the Secret with the agent token"),
        ("imagePullSecretName", "the Secret that images are pulled with"),
        ("sentinelAuthSecretName", "the Secret of the sentinel"),
        ("dagBundleConfigList", "the Dag bundles"),
        ("triggerer.image", IMAGE.text),
        ("commonEnv.GIT_CONFIG_KEY_2", GIT.text),
        ("commonEnv.GIT_CONFIG.core.sshCommand", GIT.text),
        ("worker.volumes.git-cache", "`worker.volumes`"),
        ("annotations.team", "`annotations.team`"),
        ("sentinel", "the sentinel"),
    ],
)
def test_values_that_other_parts_of_the_program_add(path: str, expected: str) -> None:
    assert Causes().reason(Difference(tuple(path.split(".", 2)), "a", "b")).text == expected


def test_the_certificate_authority_of_a_host_is_named() -> None:
    authority: dict[str, str] = {"git": "PEM"}
    for before, after in (({}, authority), (authority, {})):
        found = changes.change(stack(), stack(), authorities=(before, after))
        assert changes.reasons(found) == [GIT.text, "the certificate authority of `git.example.com`"]


def test_the_key_of_a_repository_that_is_not_fetched_any_more_is_that_of_its_bundle() -> None:
    over_ssh = {**FINANCE, **DAGS_OVER_SSH, "name": "finance"}
    found = changes.change(several(DAGS, over_ssh, **WITH_KEY), several(DAGS, **WITH_KEY))
    (group,) = [group for group in found.values if group.reason == REMOVED]
    assert ("triggerer", "volumes", "git-key") in {item.path for item in group.differences}


def test_a_repository_of_two_bundles_is_that_of_both() -> None:
    second = {**DAGS, "name": "later", "ref": "later"}
    public = {key: value for key, value in DAGS.items() if key != "connection"}
    found = changes.change(several(DAGS, second), several({**public, "name": "dags"}, second))
    assert "Git access of Dag bundle `dags`" in changes.reasons(found)


def test_another_version_of_the_chart_is_the_first_reason() -> None:
    found = changes.change(with_agent(), with_agent(), chart=("2.3.3", "2.4.0"))
    assert {part.reasons for part in found.deployments} == {("the chart's version",)}


def test_a_mark_without_a_secret_that_changes_is_that_of_a_file() -> None:
    def marked(text: str) -> dict[str, Any]:
        return {**VALUES, "commonEnv": [{"name": "ASTRO_DBT_SECRETS", "value": text}]}

    files = step(CONFIG_MAP_TYPE, "git-config", "update", {"data": {"a": "1"}}, {"data": {"a": "2"}})
    secret = step(SECRET_RESOURCE, "token", "update", {"data": {}}, {"data": {}})
    for steps, expected in (([files], "the ConfigMap with Git's settings"), ([files, secret], SECRET.text)):
        found = review(*steps, release(marked("1"), marked("2")))
        assert {part.reasons for part in found.deployments if part.disturbed} == {(expected,)}


def test_image_and_option_come_first() -> None:
    paths = [
        "labels.team",
        "commonEnv.GIT_TERMINAL_PROMPT",
        "openLineage",
        "commonEnv.ASTRO_DBT_PROJECTS",
        "image",
    ]
    items = [Difference(tuple(path.split(".")), "a", "b") for path in paths]
    expected = [IMAGE.text, PLACES.text, GIT.text, "OpenLineage", "`labels.team`"]
    assert list(Causes().reasons([*items, *items])) == expected
    assert [reason for reason, _ in Causes().grouped(items)] == expected


def test_workers_that_come_and_go_say_so() -> None:
    two = with_agent(workers=[WORKER, {"name": "dbt", "queues": ["dbt"]}])
    for before, after, expected in ((one_worker(), two, "adding"), (two, one_worker(), "removing")):
        parts = {part.name: part.reasons for part in changes.change(before, after).deployments}
        assert parts["astro-agent-worker-dbt"] == (f"{expected} worker `dbt`",)


def test_a_switch_has_reasons_that_people_know() -> None:
    """No number of a Git setting and no variable of the program is a reason that a reviewer has to decode."""
    sides = []
    for option in delivery.OPTIONS:
        settings = settings_of(stack(delivery=option))
        sides.append(chart_values(settings, delivery.plan(settings, authorities={}), image=f"r/{option}"))
    for part in deployments(sides[0], sides[1]):
        if part.component != "sentinel":
            assert part.reasons[0] == IMAGE.text
        assert not any(reason.startswith("`") for reason in part.reasons), part
