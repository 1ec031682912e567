"""The Kubernetes plugin of the trial is the official one, in the version that the SDK asks for."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto.provider_pb2 import GetSchemaRequest
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from tests.support.processes import running
from trial.environment import Environment
from trial.pulumi_cli import plugin_file

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def plugin(environment: Environment):
    """A client of the plugin's own process."""
    installed = version("pulumi-kubernetes")
    program = plugin_file(Path(environment.info().pulumi.home), "kubernetes", installed)
    with running([program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        port = int(process.stdout.readline())
        with grpc.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.max_receive_message_length", -1)]
        ) as channel:
            yield ResourceProviderStub(channel)


def test_the_plugin_is_the_official_one_in_the_version_of_the_sdk(plugin) -> None:
    assert plugin.GetPluginInfo(empty_pb2.Empty()).version.lstrip("v") == version("pulumi-kubernetes")


def test_the_plugin_serves_the_schema_of_its_release(plugin) -> None:
    schema = plugin.GetSchema(GetSchemaRequest()).schema
    assert '"name":"kubernetes"' in schema.replace(" ", "")
    assert "kubernetes:helm.sh/v3:Release" in schema
