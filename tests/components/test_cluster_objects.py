"""Cluster objects: the engine is asked for exactly what the SDK's own classes ask for."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.mocks import MockMonitor

from components.cluster_objects import ConfigMap, Namespace, Release, Secret
from tests.support.pulumi_mocks import Recorder
from tests.support.stacks import ROOT

METADATA = {
    "name": "n",
    "namespace": "agents",
    "labels": {"a-b": "c"},
    "annotations": {"pulumi.com/x": "true"},
}
HELD: dict[str, pulumi.Input[str]] = {"key": pulumi.Output.secret("canary"), "key_two": "plain"}
RELEASE: dict[str, Any] = {
    "name": "agent", "namespace": "agents", "values": {"commonEnv": [{"name": "A", "value": "b"}]}, "timeout": 900,
    "max_history": 10,
}  # fmt: skip


class Requests(MockMonitor):
    """Keeps what the engine would have been sent."""

    def __init__(self):
        super().__init__(Recorder())
        self.sent = []

    def RegisterResource(self, request):  # noqa: N802 - the interface's name
        sent = MessageToDict(request)
        sent.pop("sourcePosition", None)
        sent.pop("stackTrace", None)
        if request.custom:
            self.sent.append(sent)
        return super().RegisterResource(request)


def requests_for(create):
    """What the engine is sent for the resources that ``create`` makes of resource options."""
    monitor = Requests()
    pulumi.runtime.set_mocks(monitor.mocks, project="astro-dbt", stack="test", monitor=monitor)

    @pulumi.runtime.test
    def run():
        create(pulumi.ResourceOptions(protect=True, ignore_changes=["data"]))

    run()
    return monitor.sent


@pytest.mark.parametrize(
    ("ours", "official"),
    [
        pytest.param(
            lambda opts: Namespace("x", metadata=METADATA, opts=opts),
            lambda opts: kubernetes.core.v1.Namespace("x", metadata=METADATA, opts=opts),
            id="Namespace",
        ),
        pytest.param(
            lambda opts: Secret("x", metadata=METADATA, string_data=HELD, type="Opaque", opts=opts),
            lambda opts: kubernetes.core.v1.Secret(
                "x", metadata=METADATA, string_data=HELD, type="Opaque", opts=opts
            ),
            id="Secret of texts",
        ),
        pytest.param(
            lambda opts: Secret("x", metadata=METADATA, data={"key": "eA=="}, opts=opts),
            lambda opts: kubernetes.core.v1.Secret("x", metadata=METADATA, data={"key": "eA=="}, opts=opts),
            id="Secret of base64",
        ),
        pytest.param(
            lambda opts: ConfigMap("x", metadata=METADATA, data={"ssh_config": "Host x\n"}, opts=opts),
            lambda opts: kubernetes.core.v1.ConfigMap(
                "x", metadata=METADATA, data={"ssh_config": "Host x\n"}, opts=opts
            ),
            id="ConfigMap",
        ),
        pytest.param(
            lambda opts: Release(
                "x",
                chart="agents",
                repository="https://c",
                version="1.2.3",
                description="d",
                **RELEASE,
                opts=opts,
            ),
            lambda opts: kubernetes.helm.v3.Release(
                "x",
                chart="agents",
                repository_opts=kubernetes.helm.v3.RepositoryOptsArgs(repo="https://c"),
                version="1.2.3",
                description="d",
                atomic=True,
                cleanup_on_fail=True,
                **RELEASE,
                opts=opts,
            ),
            id="Release from a repository",
        ),
        pytest.param(
            lambda opts: Release(
                "x", chart="oci://r/agents", repository=None, version=None, **RELEASE, opts=opts
            ),
            lambda opts: kubernetes.helm.v3.Release(
                "x", chart="oci://r/agents", atomic=True, cleanup_on_fail=True, **RELEASE, opts=opts
            ),
            id="Release from a registry",
        ),
    ],
)
def test_the_engine_cannot_tell_them_from_the_sdks(ours, official):
    (expected,) = requests_for(official)
    assert requests_for(ours) == [expected]


def test_outputs_are_known_by_their_names():
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project="astro-dbt", stack="test")

    @pulumi.runtime.test
    def run():
        secret = Secret("x", metadata=METADATA, string_data=HELD)
        release = Release("y", chart="agents", repository="https://c", version="1", **RELEASE)

        def verify(found):
            name, status = found
            assert name == "n"
            assert status is None or isinstance(status, dict)

        return pulumi.Output.all(secret.metadata["name"], release.status).apply(verify)

    run()


def test_the_large_modules_of_the_sdk_stay_out():
    """They cost every preview more than everything else that it imports."""
    asked = (
        "import sys, components\n"
        "print([name for name in ('pulumi_kubernetes.core.v1', 'pulumi_kubernetes.helm.v3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
