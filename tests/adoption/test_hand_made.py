"""Reading a release: what of it is reported, and what never is."""

from __future__ import annotations

import pytest

from adoption.errors import AdoptionError
from adoption.hand_made import HandMade, from_file, from_release
from clients.kubernetes import connect


def test_a_values_file_is_read_as_helm_reads_it(tmp_path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("createNamespace: yes\nx: 010\n")
    assert from_file(file).values == {"createNamespace": True, "x": 8}


def test_a_file_that_is_no_text_is_a_sentence(tmp_path) -> None:
    file = tmp_path / "values.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AdoptionError, match="is not UTF-8 text"):
        from_file(file)


def test_values_are_in_no_text_of_it() -> None:
    assert "canary" not in repr(HandMade({"agentToken": "canary"}, "values.yaml"))


@pytest.fixture
def nowhere():
    """A cluster that does not answer."""
    kubeconfig = (
        "{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}],\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {}}]}"
    )
    return connect(kubeconfig, None, timeout=2)


@pytest.mark.parametrize("identity", ["astro-agent", "/astro-agent", "agents/"])
def test_a_release_is_named_with_its_namespace(nowhere, identity) -> None:
    with pytest.raises(AdoptionError, match="write <namespace>/<release>"):
        from_release(nowhere, identity)


def test_a_cluster_that_does_not_answer_is_a_sentence(nowhere) -> None:
    with pytest.raises(AdoptionError, match=r"cannot be read from http://127\.0\.0\.1:9"):
        from_release(nowhere, "agents/astro-agent")
