"""Whether the chart repository answers, for previews without a network."""

from __future__ import annotations

import pulumi

from clients.http import WebError, request
from domain.chart import ChartAddress

SECONDS = 5
"""Longest wait for an answer in seconds."""


def is_out_of_reach(chart: ChartAddress) -> bool:
    """Whether a preview has to work without the chart.

    The kubernetes plugin loads the chart when it checks the release's inputs, unless one of them is unknown
    (pulumi-kubernetes 4.25.0 and 4.29.0, helm_release.go), so a preview without a network would fail. An `up` needs the
    chart in any case, so for it the result is always False.
    """
    if not pulumi.runtime.is_dry_run() or chart.in_registry:
        return False
    try:
        request(f"{chart.repository.rstrip('/')}/index.yaml", timeout=SECONDS, method="HEAD")
    except WebError:
        return True
    return False  # it answers; the plugin reports any problem
