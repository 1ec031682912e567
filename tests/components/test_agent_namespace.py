"""AgentNamespace."""

from __future__ import annotations

import os
from importlib.metadata import version

import pulumi
import pytest

from components.agent_namespace import AgentNamespace, AgentNamespaceArgs

NAMESPACE = "kubernetes:core/v1:Namespace"


def test_provider_changes_secrets_in_place_whoever_edited_them(recorder):
    @pulumi.runtime.test
    def check():
        cluster = AgentNamespace(
            "agents", AgentNamespaceArgs(namespace="a", pod_security="restricted", labels={"x": "y"})
        )

        def verify(name):
            provider = recorder.of_type("pulumi:providers:kubernetes")["agents"]
            assert provider["enableSecretMutable"] == "true"
            assert provider["enableConfigMapMutable"] == "true"
            since_4_29 = tuple(map(int, version("pulumi-kubernetes").split(".")[:2])) >= (4, 29)
            assert provider.get("upsertExistingObjects") == ("true" if since_4_29 else None)
            metadata = recorder.of_type(NAMESPACE)["agents"]["metadata"]
            assert metadata["annotations"] == {"pulumi.com/patchForce": "true"}
            labels = metadata["labels"]
            assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
            assert labels["x"] == "y"
            assert name == "a"

        return cluster.name.apply(verify)

    check()


@pytest.mark.parametrize("is_there", [True, False])
def test_what_depends_on_a_namespace_waits_until_it_is_confirmed(recorder, is_there):
    told: list[str] = []

    def confirm(found: str) -> None:
        told.append(found)
        if not is_there:
            raise pulumi.RunError("it is gone")

    @pulumi.runtime.test
    def check():
        name = AgentNamespace("agents", AgentNamespaceArgs(namespace="a", confirm=confirm)).name
        return name.apply(lambda known: told.append(f"then {known}"))

    if is_there:
        check()
    else:
        with pytest.raises(pulumi.RunError, match="it is gone"):
            check()
    assert told == ["agents-id", "then a"][: 1 + is_there]


def test_a_namespace_not_managed_here_is_left_alone(recorder):
    @pulumi.runtime.test
    def check():
        cluster = AgentNamespace("agents", AgentNamespaceArgs(namespace="a", create=False))

        def verify(name):
            assert name == "a"
            assert recorder.of_type(NAMESPACE) == {}

        return cluster.name.apply(verify)

    check()


@pytest.mark.parametrize(
    ("variable", "given", "passed"),
    [
        (None, None, None),
        ("/one", None, "/one"),
        (f"/one{os.pathsep}/two", None, ""),
        (f"/one{os.pathsep}/two", "/three", "/three"),
    ],
)
def test_the_plugin_reads_a_variable_with_several_paths_itself(
    recorder, monkeypatch, variable, given, passed
):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    if variable is not None:
        monkeypatch.setenv("KUBECONFIG", variable)

    @pulumi.runtime.test
    def check():
        cluster = AgentNamespace("agents", AgentNamespaceArgs(namespace="a", kubeconfig=given))

        def verify(_):
            assert recorder.of_type("pulumi:providers:kubernetes")["agents"].get("kubeconfig") == passed

        return cluster.name.apply(verify)

    check()
