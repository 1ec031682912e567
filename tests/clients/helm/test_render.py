"""Charts that render and charts that do not, by a real Helm."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from clients.errors import Cause
from clients.helm.render import Capabilities, Manifest, RenderError, hook_of, render
from tests.support.charts import chart_package

CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
data:
  release: "{{ .Release.Namespace }}/{{ .Release.Name }}"
  upgrade: "{{ .Release.IsUpgrade }}"
  version: "{{ .Capabilities.KubeVersion.Version }}"
  keda: '{{ .Capabilities.APIVersions.Has "keda.sh/v1alpha1/ScaledObject" }}'
  value: {{ .Values.value | quote }}
"""


@pytest.fixture(autouse=True)
def _on_path(helm_program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{helm_program.parent}:{os.environ['PATH']}")


def rendered(templates: dict[str, str], *, values: dict[str, Any] | None = None, **more: Any) -> Any:
    files = {f"templates/{name}": text for name, text in templates.items()}
    package = chart_package("small", "1.0.0", files)
    options: dict[str, Any] = {"release": "agents", "namespace": "data", "timeout": 60, **more}
    return render(package, values or {}, **options)


def data(found: tuple[Manifest, ...]) -> dict[str, str]:
    (document,) = found
    return dict(document["data"])


def test_templates_see_the_release_and_the_cluster() -> None:
    cluster = Capabilities(
        "1.33.1-eks-1234", [*(f"a{n}.example.com/v1" for n in range(900)), "keda.sh/v1alpha1/ScaledObject"]
    )
    found = data(rendered({"c.yaml": CONFIG}, values={"value": "x"}, capabilities=cluster, upgrade=True))
    assert found.pop("version").startswith("v1.33.1")
    assert found == {"release": "data/agents", "upgrade": "true", "keda": "true", "value": "x"}
    found = data(rendered({"c.yaml": CONFIG}))
    assert (found["upgrade"], found["keda"]) == ("false", "false")


def test_hooks_are_objects_and_tests_are_not() -> None:
    def hook(name: str) -> str:
        return (
            f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, annotations: {{helm.sh/hook: {name}}}}}\n"
        )

    found = rendered({"a.yaml": hook("pre-install"), "b.yaml": hook("test"), "c.yaml": CONFIG})
    assert {hook_of(document) for document in found} == {"pre-install", ""}


def test_the_users_own_helm_and_kubeconfig_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "HELM_NAMESPACE": "other",
        "HELM_KUBECONTEXT": "none",
        "HELM_DATA_HOME": "/none",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    assert data(rendered({"c.yaml": CONFIG}))["release"] == "data/agents"


@pytest.mark.parametrize(
    ("template", "says", "value"),
    [
        ('{{ fail "workers need a volume" }}', "workers need a volume", ()),
        ("a: {{ .Values.lineage.url.host }}", "nil pointer evaluating interface {}.host, in templates/x.yaml:1", ("lineage", "url", "host")),
        ("a: {{ required \"lineage.url is needed\" .Values.nothing }}", "lineage.url is needed", ()),
        ("a: [", "templates/x.yaml", ()),
        ("{{ nosuch }}", 'function "nosuch" not defined', ()),
    ],
)  # fmt: skip
def test_a_chart_that_does_not_render_says_why(template: str, says: str, value: tuple[str, ...]) -> None:
    with pytest.raises(RenderError) as failed:
        rendered(
            {"x.yaml": template},
            values={"lineage": {"url": {}}} if "host" not in template else {"lineage": {}},
        )
    assert failed.value.cause is Cause.INVALID
    assert says in str(failed.value)
    assert failed.value.value == value
    assert "\n" not in str(failed.value)
    assert not str(failed.value).startswith("Error")


def test_what_is_no_chart_is_one_sentence() -> None:
    with pytest.raises(RenderError) as failed:
        render(b"no archive", {}, release="a", namespace="b", timeout=60)
    assert failed.value.cause is Cause.INVALID


def test_a_machine_without_helm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RenderError, match="no helm on PATH") as failed:
        rendered({"c.yaml": CONFIG})
    assert failed.value.cause is Cause.UNVERIFIED


def test_a_helm_that_hangs_costs_the_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "helm").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "helm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(RenderError, match="within 1 s") as failed:
        rendered({"c.yaml": CONFIG}, timeout=1)
    assert failed.value.cause is Cause.TIMEOUT


def test_values_are_in_no_argument_and_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "helm"
    script.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/seen; cat "$3" >> {tmp_path}/seen; env >> {tmp_path}/seen\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    rendered({"c.yaml": CONFIG}, values={"value": "canary-value"})
    assert "canary-value" not in (tmp_path / "seen").read_text(errors="replace")
