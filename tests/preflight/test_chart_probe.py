"""Chart repositories and charts, in every state that a check knows."""

from __future__ import annotations

import time
from typing import Any

import pytest

from clients.charts import unpack
from preflight.catalogue import CHECKS
from tests.preflight.conftest import Trial, expect, expect_nothing, only, report_of
from tests.support.charts import chart_files, chart_package, chart_repository
from tests.support.http_server import Answer, HttpServer, Request
from tests.support.oci_registry import TokenRegistry, digest_of
from tests.support.stacks import ROOT, with_agent

NAME = "astro-remote-execution-agent"
STAND_IN = ROOT / "trial/chart" / NAME


def _config(url: str, *, agent: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    chart = {"repository": url, "version": "2.3.3", **changes.pop("chart", {})}
    config = with_agent(chart=chart, **(agent or {}))
    config["preflight"] = {"checks": only("chart"), "timeout": changes.pop("timeout", 10)}
    return {**config, **changes}


def _files(*, schema: bool = True, values: str | None = None) -> dict[str, str]:
    files = chart_files(STAND_IN)
    if not schema:
        del files["values.schema.json"]
    if values is not None:
        files["values.yaml"] = values
    return files


def _package(version: str = "2.3.3", *, schema: bool = True, **metadata: Any) -> bytes:
    return chart_package(NAME, version, _files(schema=schema), **metadata)


@pytest.mark.preflight
def test_the_trials_chart_takes_our_values(trial: Trial) -> None:
    expect_nothing(trial.report("chart"))
    expect_nothing(trial.report("chart", delivery="agent-image"))


@pytest.mark.preflight
def test_the_trials_first_chart_takes_our_values(trial: Trial) -> None:
    chart = {**trial.config["agent"]["chart"], "version": "1.0.2"}
    ready = {"chart": chart, "image": "images.example.com/agent:1"}
    expect_nothing(trial.report("chart", agent=ready, image=None))
    report = trial.report("chart", agent={"chart": chart}, image=None)
    expect(report, "chart.values", "refused", at="agent.workers[0]", says="it needs image there")


@pytest.mark.preflight
def test_a_chart_that_refuses_the_cluster(trial: Trial) -> None:
    package = _package(kubeVersion=">=1.99.0-0")
    with HttpServer(chart_repository(NAME, {"2.3.3": package})) as host:
        chart = {"repository": host.url(), "version": "2.3.3"}
        report = trial.report("chart", "cluster", agent={"chart": chart})
    expect(report, "chart.kubernetes", "refused", at="agent.chart.version", says="Kubernetes >=1.99.0-0")


def test_a_repository_that_is_down() -> None:
    report = report_of(_config("http://127.0.0.1:1"))
    expect(report, "chart.reach", "unreachable", at="agent.chart.repository", says="Connection refused")


def test_a_repository_that_hangs_costs_seconds() -> None:
    with HttpServer(chart_repository(NAME, {})) as host:
        host.delay = 60
        begun = time.monotonic()
        report = report_of(_config(host.url(), timeout=1))
        assert time.monotonic() - begun < 20
    expect(report, "chart.reach", "timeout", at="agent.chart.repository", says="within 1 s")


def test_a_repository_that_drips_costs_seconds() -> None:
    def slowly(request: Request) -> Answer:
        return 200, b"x" * 10_000_000, {}

    with HttpServer(slowly) as host:
        report = report_of(_config(host.url()))
    expect(report, "chart.reach", "invalid", at="agent.chart.repository")


def test_a_repository_that_refuses() -> None:
    with HttpServer(lambda *_: (401, b"", {})) as host:
        report = report_of(_config(host.url()))
    expect(report, "chart.reach", "refused", at="agent.chart.repository", says="HTTP 401")


@pytest.mark.parametrize("index", [b"<html>", b"entries: 3", b"{", b"entries: {}\n"])
def test_a_host_that_is_not_a_chart_repository(index: bytes) -> None:
    with HttpServer(lambda *_: (200, index, {})) as host:
        report = report_of(_config(host.url()))
    assert {(item.check, item.case) for item in report.errors} <= {
        ("chart.reach", "invalid"),
        ("chart.version", "no-chart"),
    }
    assert len(report.errors) == 1


def test_a_package_that_was_changed() -> None:
    answer = chart_repository(NAME, {"2.3.3": _package()})
    other = _package(description="x")
    with HttpServer(
        lambda request: (200, other, {}) if request.path.endswith("tgz") else answer(request)
    ) as host:
        report = report_of(_config(host.url()))
    expect(report, "chart.reach", "invalid", at="agent.chart.repository", says="digest")


def test_a_version_that_does_not_exist() -> None:
    with HttpServer(chart_repository(NAME, {"2.3.2": _package("2.3.2"), "2.2.0": _package("2.2.0")})) as host:
        report = report_of(_config(host.url()))
    expect(report, "chart.version", "missing", at="agent.chart.version", says="write 2.3.2 if you meant that")


def test_a_chart_that_does_not_exist() -> None:
    with HttpServer(chart_repository("astro-remote-agent", {"2.3.3": _package()})) as host:
        report = report_of(_config(host.url()))
    expect(report, "chart.version", "no-chart", at="agent.chart.name", says="write astro-remote-agent")


def test_values_that_the_schema_refuses() -> None:
    agent = {
        "values": {"labels": {"team": 7}, "brandNew": 1},
        "workers": [{"name": "w", "values": {"livenessProbe": "canary"}}],
        "sentinel": {"values": {"port": "high"}},
    }
    with HttpServer(chart_repository(NAME, {"2.3.3": _package()})) as host:
        report = report_of(_config(host.url(), agent=agent))
    expect(report, "chart.values", "refused", at="agent.values.labels.team", says="type string")
    expect(report, "chart.values", "refused", at="agent.values.brandNew", says="this key is unknown")
    finding = expect(report, "chart.values", "refused", at="agent.workers[0].values.livenessProbe")
    expect(report, "chart.values", "refused", at="agent.sentinel.values.port")
    assert "canary" not in str(finding), "values may be confidential"


def test_a_value_of_the_program_that_an_unknown_chart_refuses() -> None:
    files = {"values.schema.json": '{"required": ["color"], "properties": {"namespace": {"const": "x"}}}'}
    package = chart_package(NAME, "2.3.3", files)
    with HttpServer(chart_repository(NAME, {"2.3.3": package})) as host:
        report = report_of(_config(host.url()))
    expect(report, "chart.values", "refused", at="agent.chart.version", says="it needs color there")
    expect(report, "chart.values", "refused", at="agent.chart.version", says='it takes "x" only')


def test_a_chart_without_schema_takes_our_values() -> None:
    with HttpServer(chart_repository(NAME, {"2.3.3": _package(schema=False)})) as host:
        expect_nothing(report_of(_config(host.url())))


def test_a_value_that_a_chart_without_schema_never_reads() -> None:
    files = {**_files(schema=False), "values.yaml": "", "templates/x.yaml": "{{ .Values.namespace }}"}
    package = chart_package(
        NAME, "2.3.3", {name: files[name] for name in ("values.yaml", "templates/x.yaml")}
    )
    with HttpServer(chart_repository(NAME, {"2.3.3": package})) as host:
        report = report_of(_config(host.url(), agent={"values": {"logLevel": "INFO"}}))
    expect(report, "chart.values", "ignored", at="agent.values.logLevel", says="never reads")
    assert not report.errors


OTHERS = """\
namespace: x
workers:
- name: default-worker
  keda: {enabled: false}
  # topologySpreadConstraints:
  # - maxSkew: 1
dagProcessor: {}
podDisruptionBudget: {enabled: false}
"""
"""values.yaml of a chart with keys that no table of this program has."""
READ = "{{ range .Values.workers }}{{ .hostAliases }}{{ .priorityClassName }}{{ end }}{{ .Values.priorityClassName }}"
SCHEMA = """{"$defs": {"pod": {"properties": {"runtimeClassName": {"type": "string"}}}},
"properties": {"dagProcessor": {"allOf": [{"$ref": "#/$defs/pod"}]}}}"""
FURTHER: dict[str, Any] = {
    "values": {"podDisruptionBudget": {"enabled": True}, "priorityClassName": "high"},
    "workers": [
        {
            "name": "w",
            "values": {"keda": {"enabled": True}, "topologySpreadConstraints": [1], "hostAliases": [1]},
        }
    ],
    "dagProcessor": {"values": {"runtimeClassName": "gvisor"}},
}


def _others(**files: str) -> bytes:
    given = {"values.yaml": OTHERS, "templates/all.yaml": READ, "values.schema.json": SCHEMA, **files}
    return chart_package(NAME, "2.4.0", given)


def test_the_package_decides_which_keys_exist() -> None:
    with HttpServer(chart_repository(NAME, {"2.4.0": _others()})) as host:
        report = report_of(_config(host.url(), chart={"version": "2.4.0"}, agent=FURTHER))
    expect_nothing(report)


@pytest.mark.parametrize(
    ("agent", "at", "says"),
    [
        ({"values": {"logLevl": "INFO"}}, "agent.values.logLevl", "write logLevel if you meant that"),
        ({"values": {"keda": {}}}, "agent.values.keda", "agent.unknownValues.keda"),
        (
            {"workers": [{"name": "w", "values": {"kedaa": {}}}]},
            "agent.workers[0].values.kedaa",
            "agent.workers[0].unknownValues.kedaa",
        ),
        (
            {"dagProcessor": {"values": {"replicas": 2}}},
            "agent.dagProcessor.values.replicas",
            "is not a value",
        ),
        (
            {"triggerer": {"values": {"runtimeClassName": "x"}}},
            "agent.triggerer.values.runtimeClassName",
            "2.4.0",
        ),
    ],
)
def test_a_key_that_the_package_does_not_have(agent: dict[str, Any], at: str, says: str) -> None:
    with HttpServer(chart_repository(NAME, {"2.4.0": _others()})) as host:
        report = report_of(_config(host.url(), chart={"version": "2.4.0"}, agent=agent))
    expect(report, "chart.values", "unknown", at=at, says=says)
    assert len(report.errors) == 1


def test_a_setting_that_only_some_charts_have() -> None:
    """The chart by others has priorityClassName somewhere, and the stand-in nowhere."""
    agent = {"workers": [{"name": "w", "priorityClass": "high"}], "triggerer": {"priorityClass": "high"}}
    with HttpServer(
        chart_repository(NAME, {"2.3.3": _package(), "2.3.4": _package("2.3.4", schema=False)})
    ) as host:
        for version in ("2.3.3", "2.3.4"):
            report = report_of(_config(host.url(), chart={"version": version}, agent=agent))
            for at in ("agent.workers[0]", "agent.triggerer"):
                expect(report, "chart.values", "unsupported", at=f"{at}.priorityClass", says=version)
            assert len(report.errors) == 2
            assert not report.warnings or all(item.check == "preflight.level" for item in report.warnings)
    with HttpServer(chart_repository(NAME, {"2.4.0": _others()})) as host:
        expect_nothing(report_of(_config(host.url(), chart={"version": "2.4.0"}, agent=agent)))


def test_the_charts_own_sentinel_may_be_of_another_version() -> None:
    checks = only("chart", "image")
    checks |= {name: level for name, level in only("chart").items() if name != "image"}
    for name in CHECKS:
        if name.startswith("image.") and name != "image.sentinel":
            checks[name] = {"level": "off", "reason": "not part of this test"}
    with HttpServer(chart_repository(NAME, {"2.3.3": _package()})) as host:
        config = {**_config(host.url()), "preflight": {"checks": checks}}
        expect(
            report_of(config),
            "image.sentinel",
            "default",
            at="agent.sentinel.image",
            says="brings sentinel 1.8.2",
        )
        config["image"]["base"] = "images.example.com/agent:3.1-3-python-3.12-astro-agent-1.8.2"
        expect_nothing(report_of(config))


def test_a_key_that_is_sent_for_a_reason() -> None:
    reason = {"brandNew": "our fork reads it"}
    agent = {"workers": [{"name": "w", "values": {"brandNew": 1}, "unknownValues": reason}]}
    with HttpServer(chart_repository(NAME, {"2.4.0": _others()})) as host:
        report = report_of(_config(host.url(), chart={"version": "2.4.0"}, agent=agent))
    at = "agent.workers[0].values.brandNew"
    expect(report, "chart.values", "declared", at=at, says="reason given is: our fork reads it")
    expect_nothing(report)


def test_a_key_that_cannot_be_judged() -> None:
    agent = {"values": {"logLevl": "INFO", "keda": {}}, "unknownValues": {"keda": "chart 2.4 has it"}}
    report = report_of(_config("http://127.0.0.1:1", agent=agent))
    expect(report, "chart.values", "undecided", at="agent.values.logLevl", says="write logLevel")
    expect(report, "chart.values", "declared", at="agent.values.keda")


def test_a_schema_that_refers_to_itself() -> None:
    schema = (
        '{"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}, "properties": {"x": {"$ref": "#/$defs/a"}}}'
    )
    package = _others(**{"values.schema.json": schema})
    assert not unpack(package).knows(("x", "y"))
    assert unpack(package).knows(("x",))


def test_an_empty_value_cannot_remove_a_default() -> None:
    files = {"values.yaml": OTHERS + "triggerer: {volumes: [{name: a}], env: []}\n"}
    agent = {
        "values": {"podDisruptionBudget": None},
        "triggerer": {"values": {"volumes": [], "initContainers": [], "volumeMounts": None}},
    }
    with HttpServer(chart_repository(NAME, {"2.4.0": _others(**files)})) as host:
        report = report_of(_config(host.url(), chart={"version": "2.4.0"}, agent=agent))
    expect(report, "chart.values", "empty", at="agent.values.podDisruptionBudget", says="remove it")
    expect(report, "chart.values", "empty", at="agent.triggerer.values.volumes", says="empty list")
    assert len(report.errors) == 2


def test_a_chart_newer_than_this_program() -> None:
    with HttpServer(chart_repository(NAME, {"3.0.0": _package("3.0.0")})) as host:
        report = report_of(_config(host.url(), chart={"version": "3.0.0"}))
    expect(report, "chart.version", "newer", at="agent.chart.version", says="is 3.0.0")
    assert not report.errors


def test_a_schema_cannot_make_us_fetch_anything() -> None:
    with HttpServer(lambda *_: (200, b"{}", {})) as trap:
        package = chart_package(
            NAME, "2.3.3", {"values.schema.json": f'{{"$ref": "{trap.url()}/schema.json"}}'}
        )
        with HttpServer(chart_repository(NAME, {"2.3.3": package})) as host:
            report = report_of(_config(host.url()))
        assert not trap.asked
    expect(report, "preflight.time", "broken", at="preflight.checks.chart")


def test_a_chart_in_a_registry() -> None:
    package = _package()
    with TokenRegistry("pusher", "canary-registry-password") as host:
        layer = {
            "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            "digest": digest_of(package),
        }
        host.describe(f"charts/{NAME}", "2.3.3", {"schemaVersion": 2, "layers": [layer]})
        host.blobs[f"charts/{NAME}", digest_of(package)] = package
        registry = {"server": host.server, "username": "pusher"}
        image = {**with_agent()["image"], "repository": f"{host.server}/data/client"}
        changes = {"registry": registry, "image": image}
        url = f"oci://{host.server}/charts"
        expect_nothing(report_of(_config(url, **changes)))
        missing = report_of(_config(url, chart={"version": "2.3.4"}, **changes))
        expect(missing, "chart.version", "missing", at="agent.chart.version")
        refused = report_of(_config(url, **changes, registryPassword="canary-wrong"))
        expect(refused, "chart.reach", "refused", at="agent.chart.repository")
        assert "canary" not in str(refused)
        assert not [path for path in host.asked if "canary" in path]


def test_a_value_that_a_chart_within_the_chart_ignores() -> None:
    inside = {"Chart.yaml": "name: beacon\nversion: 1.0.0\n", "values.yaml": "port: 80\nhosts: []\n"}
    files = _files() | {f"charts/beacon/{name}": text for name, text in inside.items()}
    del files["values.schema.json"]
    values = {"beacon": {"prot": 1, "port": 2, "global": {}}}
    with HttpServer(chart_repository(NAME, {"2.3.3": chart_package(NAME, "2.3.3", files)})) as host:
        report = report_of(_config(host.url(), agent={"values": values}))
    expect(report, "chart.values", "ignored", at="agent.values.beacon.prot", says="port")
    assert [item.key for item in report.findings if "beacon" in item.key] == [
        "astro-dbt:agent.values.beacon.prot"
    ]
