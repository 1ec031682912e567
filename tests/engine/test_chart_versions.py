"""A release across major versions of the chart, and to one that is newer than this program."""

from __future__ import annotations

import copy
import subprocess

import pytest
import yaml

from drills.operations import with_ready_image
from tests.engine.test_lifecycle import WorkerWatch
from tests.support.charts import chart_repository
from tests.support.helm_chart import CHARTS
from tests.support.http_server import HttpServer

pytestmark = pytest.mark.engine
NAME = "astro-remote-execution-agent"


def packages(stack, folder):
    """Version -> package: both stand-ins, and 3.0.0, which is 2.x with a value that nobody knew before."""
    newest = folder / "3" / NAME
    subprocess.run(["cp", "-r", CHARTS / NAME, newest.parent], check=True)
    chart = yaml.safe_load((newest / "Chart.yaml").read_text())
    (newest / "Chart.yaml").write_text(yaml.safe_dump({**chart, "version": "3.0.0"}))
    found = {}
    for source in (CHARTS / f"{NAME}-1", newest):
        version = yaml.safe_load((source / "Chart.yaml").read_text())["version"]
        subprocess.run(
            [f"{stack.info.bin}/helm", "package", source, "-d", folder], check=True, capture_output=True
        )
        found[version] = (folder / f"{NAME}-{version}.tgz").read_bytes()
    return found


def test_from_1x_to_a_chart_newer_than_this_program_and_back(stack, tmp_path):
    (tmp_path / "3").mkdir()
    found = packages(stack, tmp_path)
    with HttpServer(chart_repository(NAME, found)) as host:
        config = with_ready_image(copy.deepcopy(stack.config), stack.info.base_image)
        config["agent"]["chart"] = {"repository": host.url(), "version": "1.0.2"}
        stack.up(config)
        uids = stack.uids()
        with WorkerWatch(stack) as watch:
            config["agent"]["chart"]["version"] = "3.0.0"
            done = stack.up(config)
            assert (
                "agent.chart.version is 3.0.0, but this program was written for charts 1.x and 2.x"
                in done.stdout
            )
            assert done.outputs["release"]["version"] == "3.0.0"
            assert "astro-agent-sentinel" in stack.deployments()
            assert {name: stack.uids()[name] for name in uids} == uids

            config["agent"]["chart"]["version"] = "1.0.2"
            stack.up(config)
            assert "astro-agent-sentinel" not in stack.deployments()
            assert stack.uids() == uids
        assert watch.fewest >= 1
        assert stack.history() == [1, 2, 3]
