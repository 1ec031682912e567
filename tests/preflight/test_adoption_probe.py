"""An adopted release, compared with what the stack sends."""

from __future__ import annotations

import pytest

import delivery
from adoption.withhold import our_values
from settings.authorities import authorities
from tests.preflight.conftest import Trial, expect
from tests.support.charts import chart_package, chart_repository
from tests.support.helm import Helm
from tests.support.http_server import HttpServer
from tests.support.stacks import ROOT, settings_of

pytestmark = pytest.mark.preflight


def test_an_adopted_release_keeps_what_it_has(trial: Trial, helm: Helm) -> None:
    name = "astro-remote-execution-agent"
    package = chart_package(name, "1.0.0", {"values.yaml": "logLevel: INFO\n"})
    with HttpServer(chart_repository(name, {"1.0.0": package})) as host:
        agent = {
            "createNamespace": False,
            "chart": {"repository": host.url(), "version": "1.0.0"},
            "withheld": {"commonEnv.GIT_TERMINAL_PROMPT": "the release was made by hand"},
        }
        config = {**trial.config, "agent": {**trial.config["agent"], **agent}}
        settings = settings_of(config)
        plan = delivery.plan(settings, authorities=authorities(settings, ROOT))
        values = our_values(settings, plan)
        assert helm.upgrade(values).returncode == 0
        report = trial.report("cluster", agent=agent)
        expect(report, "cluster.adopted", "same", at="agent.release", says="nothing to do for its Pods")
        report = trial.report("cluster", agent={**agent, "env": {"A": "1"}})
        expect(report, "cluster.adopted", "changed", at="agent.release", says="commonEnv.A")
        report = trial.report("cluster", agent={**agent, "values": {"logLevel": "INFO"}})
        expect(report, "cluster.adopted", "same", at="agent.release", says="revision 1")
