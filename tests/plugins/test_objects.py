"""Kubernetes objects through the plugin and the engine."""

from __future__ import annotations

import json

import pytest

from tests.plugins.scratch import Scratch

pytestmark = pytest.mark.engine

PROGRAM = """
    mutable = config.get_bool("mutable") is not False
    provider = k8s.Provider("p", kubeconfig=trial["kubeconfig"], context="trial", enable_secret_mutable=mutable)
    options = pulumi.ResourceOptions(provider=provider)
    space = k8s.core.v1.Namespace("space", metadata={"name": pulumi.get_project()}, opts=options)
    name = space.metadata.name
    secret = k8s.core.v1.Secret(
        "secret", metadata={"name": "token", "namespace": name}, string_data={"token": config.require_secret("token")}, opts=options
    )
    k8s.core.v1.ConfigMap("map", metadata={"namespace": name}, data={"a.b": config.get("map") or "1"}, opts=options)
    k8s.core.v1.ServiceAccount("account", metadata={"name": "account", "namespace": name}, opts=options)
    k8s.policy.v1.PodDisruptionBudget(
        "budget",
        metadata={"name": "budget", "namespace": name},
        spec={"min_available": 1, "selector": {"match_labels": {"a": "b"}}},
        opts=options,
    )
    k8s.apps.v1.Deployment(
        "deployment",
        metadata={"name": "deployment", "namespace": name},
        spec={
            "replicas": 1,
            "selector": {"match_labels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": "example.invalid/none:1"}]},
            },
        },
        opts=options,
    )
    pulumi.export("uid", secret.metadata.uid)
    """


def uid(scratch: Scratch) -> str:
    done = scratch.kubectl("-n", scratch.name, "get", "secret", "token", "-o", "jsonpath={.metadata.uid}")
    return done.stdout


def test_objects_life(scratch: Scratch) -> None:
    scratch.program(PROGRAM)
    scratch.require("config", "set", "--secret", "token", "canary-one")
    first = scratch.up()
    assert "canary" not in first
    assert "canary" not in scratch.state()
    assert "Y2FuYXJ5LW9uZQ" not in scratch.state()
    deployment = json.loads(
        scratch.kubectl("-n", scratch.name, "get", "deployment", "deployment", "-o", "json").stdout
    )
    assert deployment["status"]["availableReplicas"] == 1, (
        "the update ended before the Deployment was available"
    )
    assert scratch.changes() == {}

    before = uid(scratch)
    scratch.require("config", "set", "--secret", "token", "canary-two")
    assert scratch.changes() == {"update secret": {"data.token": "update"}}
    assert "canary" not in scratch.up()
    assert uid(scratch) == before, "a mutable Secret was replaced"

    scratch.require("config", "set", "mutable", "false")
    scratch.require("config", "set", "--secret", "token", "canary-three")
    changes = scratch.changes()
    assert changes["replace secret"] == {"data.token": "update-replace"}
    scratch.up()
    assert uid(scratch) != before

    scratch.require("config", "set", "map", "2")
    assert scratch.changes()["replace map"] == {'data["a.b"]': "update-replace"}
    scratch.require("refresh", "--yes", "--skip-preview")
    scratch.require("destroy", "--yes", "--skip-preview")
    assert scratch.kubectl("get", "namespace", scratch.name).returncode != 0, "destroy left the namespace"


def test_secret_that_exists(scratch: Scratch) -> None:
    scratch.kubectl("create", "namespace", scratch.name)
    scratch.kubectl("-n", scratch.name, "create", "secret", "generic", "mine", "--from-literal=a=b")
    scratch.program(
        """
        provider = k8s.Provider("p", kubeconfig=trial["kubeconfig"])
        k8s.core.v1.Secret(
            "s",
            metadata={"name": "mine", "namespace": pulumi.get_project()},
            string_data={"a": "canary"},
            opts=pulumi.ResourceOptions(provider=provider, import_=config.get("import")),
        )
        """
    )
    try:
        printed = scratch.fail()
        assert 'secrets "mine" already exists' in printed
        assert "canary" not in printed
        read = HEADER_GET.format(id=f"{scratch.name}/mine")
        scratch.program(read)
        scratch.up()
        assert scratch.outputs()["keys"] == ["a"]
    finally:
        scratch.kubectl("delete", "namespace", scratch.name)


HEADER_GET = """
provider = k8s.Provider("p", kubeconfig=trial["kubeconfig"])
found = k8s.core.v1.Secret.get("s", "{id}", opts=pulumi.ResourceOptions(provider=provider))
pulumi.export("keys", found.data.apply(sorted))
"""


def test_unreachable_cluster(scratch: Scratch) -> None:
    scratch.program(
        """
        nowhere = json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}],
        })
        provider = k8s.Provider("p", kubeconfig=nowhere)
        k8s.core.v1.Namespace("n", metadata={"name": "n"}, opts=pulumi.ResourceOptions(provider=provider))
        """
    )
    assert scratch.pulumi("preview").returncode == 0, "a preview of something new needs no cluster"
    assert "configured Kubernetes cluster is unreachable: " in scratch.fail()
