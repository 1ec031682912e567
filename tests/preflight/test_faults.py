"""Hosts that fail in every way: one sentence within the limit, with the key, what is wrong and what to do."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from drills.proxy import Fault, Proxy, Upstream, server_context
from preflight.report import Report
from tests.preflight.conftest import GitStack, expect, only, report_of
from tests.support.charts import chart_files, chart_package, chart_repository
from tests.support.http_server import HttpServer
from tests.support.kube_objects import kubeconfig
from tests.support.oci_registry import OciRegistry
from tests.support.stacks import ROOT, stack, with_agent

SECONDS = 3
"""`preflight.timeout` of these tests."""
BOUND = 4 * SECONDS + 8
"""Two hosts may be asked twice each; the rest is for a loaded machine."""
NAME = "astro-remote-execution-agent"
FAULTS = {
    "down": Fault("down"),
    "hanging": Fault("hanging"),
    **{str(status): Fault("status", status) for status in (401, 403, 404, 429, 500)},
    "half": Fault("half"),
    "certificate": Fault("certificate"),
}
REFUSED = "set a valid"
LATER = "try again later, or ask whoever runs it"
NETWORK = "check the address and the network"


def _strange(folder: Path) -> ssl.SSLContext:
    path = folder / "pair.pem"
    path.write_bytes(trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.bytes())
    return server_context(path, path)


def _upstream(server: str, trust: ssl.SSLContext | None = None) -> Upstream:
    host, port = server.split(":")
    return Upstream((host, int(port)), trust)


def _broken(proxy: Proxy, fault: str, report_with: Callable[[], Report]) -> tuple[Report, list[str]]:
    """Preflight's report while the host is broken, and the sentences of its errors."""
    proxy.break_with(FAULTS[fault])
    start = time.monotonic()
    try:
        report = report_with()
    finally:
        proxy.close()
    assert time.monotonic() - start < BOUND
    found = [str(item) for item in report.errors]
    assert found
    for sentence in found:
        assert "\n" not in sentence
        assert "canary" not in sentence
    return report, found


def _reads(sentence: str, at: str, wrong: str, remedy: str) -> None:
    assert sentence.startswith(f"astro-dbt:{at} ")
    assert wrong in sentence
    assert remedy in sentence


@pytest.mark.parametrize(
    ("fault", "at", "wrong", "remedy"),
    [
        ("down", "dags.repo", "cannot be reached", NETWORK),
        ("hanging", "dags.repo", f"did not answer within {SECONDS} s", "raise preflight.timeout"),
        ("401", "credentials.git", "does not open", REFUSED),
        ("403", "credentials.git", "returned error: 403", REFUSED),
        ("404", "dags.repo", "does not exist or", "grant the credentials read access"),
        ("429", "dags.repo", "returned error: 429", LATER),
        ("500", "dags.repo", "returned error: 500", LATER),
        ("half", "dags.repo", "cannot be reached", NETWORK),
        ("certificate", "connections.git.caBundle", "certificate", "set the connection's caBundle"),
    ],
)
def test_git_host(fault: str, at: str, wrong: str, remedy: str, git_stack: GitStack, tmp_path: Path) -> None:
    server = git_stack.server
    trust = ssl.create_default_context(cafile=server.authority)
    serve = server_context(server.pair.certificate, server.pair.key)
    proxy = Proxy(_upstream(server.address, trust), serve=serve, strange=_strange(tmp_path))
    git_stack.config["dags"]["repo"] = f"https://{proxy.server}/platform/dags.git"
    git_stack.config["preflight"]["timeout"] = SECONDS
    report, (sentence,) = _broken(proxy, fault, git_stack.report)
    if fault in {"429", "500"}:
        expect(report, "git.reach", "failing", at=at)
    _reads(sentence, at, wrong, remedy)


@pytest.mark.parametrize(
    ("fault", "wrong", "remedy"),
    [
        ("down", "cannot be reached", NETWORK),
        ("hanging", f"did not answer within {SECONDS} s", "raise preflight.timeout"),
        ("401", "refuses access", "a repository that needs no credentials"),
        ("403", "refuses access", "a repository that needs no credentials"),
        ("404", "is not a chart repository", "write the repository's base URL"),
        ("429", "HTTP 429, and it asks to wait 2 s", LATER),
        ("500", "HTTP 500", LATER),
        ("half", "its answer ended early", NETWORK),
        ("certificate", "cannot be reached", NETWORK),
    ],
)
def test_chart_repository(fault: str, wrong: str, remedy: str, tmp_path: Path) -> None:
    files = chart_files(ROOT / "trial/chart" / NAME)
    with HttpServer(chart_repository(NAME, {"2.3.3": chart_package(NAME, "2.3.3", files)})) as host:
        proxy = Proxy(_upstream(host.server), strange=_strange(tmp_path))
        config = with_agent(chart={"repository": f"http://{proxy.server}", "version": "2.3.3"})
        config["preflight"] = {"checks": only("chart"), "timeout": SECONDS}
        report, (sentence,) = _broken(proxy, fault, lambda: report_of(config))
    if fault in {"429", "500"}:
        expect(report, "chart.reach", "failing", at="agent.chart.repository")
    _reads(sentence, "agent.chart.repository", wrong, remedy)


@pytest.mark.parametrize(
    ("fault", "at", "wrong", "remedy"),
    [
        ("down", "image.repository", "cannot be reached", "check the name and the network"),
        ("hanging", "image.repository", f"did not answer within {SECONDS} s", "raise preflight.timeout"),
        ("401", "registryPassword", "does not open", REFUSED),
        ("403", "registryPassword", "does not open", REFUSED),
        ("404", "image.base", "which the registry does not have", "write a tag that exists"),
        ("429", "image.repository", "HTTP 429, and it asks to wait 2 s", LATER),
        ("500", "image.repository", "HTTP 500", LATER),
        ("half", "image.repository", "its answer ended early", "check the name and the network"),
        ("certificate", "image.repository", "cannot be reached", "check the name and the network"),
    ],
)
def test_registry(fault: str, at: str, wrong: str, remedy: str, tmp_path: Path) -> None:
    with OciRegistry() as registry:
        registry.put("agents/client", "1", [b"layer"])
        proxy = Proxy(_upstream(registry.server), strange=_strange(tmp_path))
        config = stack(
            registry={"server": proxy.server, "username": "robot"}, registryPassword="canary-registry"
        )
        repository = f"{proxy.server}/agents/client"
        config["image"] |= {"repository": repository, "base": f"{repository}:1"}
        config["preflight"] = {"checks": only("image"), "timeout": SECONDS}
        config["preflight"]["checks"]["image.engine"] = {"level": "off", "reason": "no engine is needed"}
        report, found = _broken(proxy, fault, lambda: report_of(config))
    if fault in {"429", "500"}:
        expect(report, "image.registry", "failing", at=at)
    (sentence,) = (item for item in found if item.startswith(f"astro-dbt:{at} "))
    _reads(sentence, at, wrong, remedy)


@pytest.mark.parametrize(
    ("fault", "wrong", "remedy"),
    [
        ("down", "cannot be reached (Connection refused)", "check the context and the network"),
        ("hanging", f"did not answer within {SECONDS} s", "raise preflight.timeout"),
        ("401", "refuses the credentials", "log in again"),
        ("403", "HTTP 403", LATER),
        ("404", "HTTP 404", LATER),
        ("429", "HTTP 429", LATER),
        ("500", "HTTP 500", LATER),
        ("half", "cannot be reached (its answer ended early)", "check the context and the network"),
        ("certificate", "cannot be reached", "check the context and the network"),
    ],
)
def test_api_server(fault: str, wrong: str, remedy: str, tmp_path: Path) -> None:
    version = json.dumps(
        {"major": "1", "minor": "36", "gitVersion": "v1.36.3", "padding": "x" * 100_000}
    ).encode()
    with HttpServer(lambda _: (200, version, {"Content-Type": "application/json"})) as host:
        proxy = Proxy(_upstream(host.server), strange=_strange(tmp_path))
        config = with_agent(cluster={"context": "trial"})
        config["kubeconfig"] = kubeconfig(f"http://{proxy.server}", token="canary-token")
        config["preflight"] = {"checks": only("cluster"), "timeout": SECONDS}
        report, (sentence,) = _broken(proxy, fault, lambda: report_of(config))
    if fault in {"403", "404", "429", "500"}:
        expect(report, "cluster.reach", "failing", at="agent.cluster")
    _reads(sentence, "agent.cluster", wrong, remedy)
