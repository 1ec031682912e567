"""Reading a release: what of it is reported, and what never is."""

from __future__ import annotations

import pytest

from adoption.errors import AdoptionError
from adoption.hand_made import HandMade, from_files, from_release
from clients.kubernetes import connect


def test_a_values_file_is_read_as_helm_reads_it(tmp_path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("createNamespace: yes\nnamespace: agents\nx: 010\n")
    assert from_files([file]).values == {"createNamespace": True, "namespace": "agents", "x": 8}


def test_several_files_are_merged_as_helm_merges_them(tmp_path) -> None:
    first, second = tmp_path / "values.yaml", tmp_path / "of prod.yaml"
    first.write_text(
        "namespace: agents\nsentinel: {enabled: true, image: a}\nworkers: [{name: a}, {name: b}]\n"
    )
    second.write_text("sentinel: {image: b}\nworkers: [{name: c}]\n")
    made = from_files([first, second])
    assert made.values == {
        "namespace": "agents",
        "sentinel": {"enabled": True, "image": "b"},
        "workers": [{"name": "c"}],
    }
    assert made.argument == f"{first} '{second}'"


@pytest.mark.parametrize("title", ["USER-SUPPLIED VALUES:", "COMPUTED VALUES:"])
def test_what_helm_get_values_prints_is_a_values_file(tmp_path, title) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(f"{title}\nnamespace: agents\n")
    assert from_files([file]).values["namespace"] == "agents"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("workers: {default-worker: {replicas: 2}}", r"workers is not a list; correct the file"),
        ("workers: [a]", r"workers\[0\] is not a mapping"),
        ("workers: [{name: a, env: {A: b}}]", r"workers\[0\]\.env is not a list"),
        ("commonEnv: {A: b}", r"commonEnv is not a list"),
        ("commonEnv: [{value: b}]", r"commonEnv\[0\]\.name is not text"),
        ("triggerer: [a]", r"triggerer is not a mapping"),
        ("dagProcessor: {env: [A=b]}", r"dagProcessor\.env\[0\] is not a mapping"),
    ],
)
def test_values_that_the_chart_cannot_take_are_a_sentence(tmp_path, text, sentence) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(f"namespace: agents\n{text}\n")
    with pytest.raises(AdoptionError, match=sentence):
        from_files([file])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"is not a mapping"),
        ("apiVersion: v1\nkind: ConfigMap\n", r"has no key of the chart; name the values file"),
        ("image: a\n", r"lacks `namespace`, which the chart needs; name every file"),
    ],
)
def test_a_file_that_is_not_the_whole_of_the_values_is_a_sentence(tmp_path, text, sentence) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(text)
    with pytest.raises(AdoptionError, match=sentence):
        from_files([file])


def test_a_file_that_is_no_text_is_a_sentence(tmp_path) -> None:
    file = tmp_path / "values.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(AdoptionError, match="is not UTF-8 text"):
        from_files([file])


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
