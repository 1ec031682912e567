"""A chart package written by others: further keys in workers, other templates, a chart within the chart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.charts import chart_files, chart_package, chart_repository
from tests.support.http_server import HttpServer

NAME, VERSION = "astro-remote-execution-agent", "2.9.0"
FOLDER = Path(__file__).with_name("foreign_chart")
SPREAD = [
    {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "astro-agent", "component": "worker"}},
    }
]
KEDA = {
    "enabled": True,
    "maxReplicaCount": 4,
    "triggers": [
        {
            "type": "cron",
            "metadata": {
                "timezone": "UTC",
                "start": "0 6 * * *",
                "end": "0 20 * * *",
                "desiredReplicas": "2",
            },
        }
    ],
}
FURTHER = {"keda": KEDA, "topologySpreadConstraints": SPREAD}
"""Values of a worker that only this chart has."""


def package() -> bytes:
    """The chart as `helm package` writes it."""
    beacon = {"name": "beacon", "version": "1.0.0", "condition": "beacon.enabled"}
    return chart_package(NAME, VERSION, chart_files(FOLDER), dependencies=[beacon])


@contextmanager
def served() -> Iterator[dict[str, str]]:
    """`agent.chart` of a stack that uses it, while its repository is up."""
    with HttpServer(chart_repository(NAME, {VERSION: package()})) as host:
        yield {"repository": host.url(), "version": VERSION}
