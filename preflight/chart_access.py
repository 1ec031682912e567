"""The pinned chart's package, fetched once for all probes that read it."""

from __future__ import annotations

from clients.charts import ChartPackage, MissingChartError, fetch_chart, reference
from clients.errors import Cause, RemoteError
from clients.http import WebError
from clients.registry import RegistryError
from domain.suggestions import near
from preflight.catalogue.chart_checks import CHART_REACH, CHART_VERSION
from preflight.connection import registry_login
from preflight.report import Finding
from settings.stack import Settings

_NOTHING_NEAR = "one that exists"


def pinned_chart(settings: Settings) -> ChartPackage | Finding:
    """The chart's package, or why it cannot be read."""
    chart, timeout = settings.agent.chart, float(settings.preflight.timeout)
    try:
        address = chart.address
        login = registry_login(settings, reference(address).server) if address.in_registry else None
        return fetch_chart(address, login=login, timeout=timeout)
    except MissingChartError as error:
        if error.cause is Cause.NOT_FOUND:
            remedy = near(chart.name, error.known, none=_NOTHING_NEAR)
            return CHART_VERSION.no_chart(
                "agent.chart.name", name=chart.name, url=chart.repository, near=remedy
            )
        remedy = near(chart.version, error.known, none=_NOTHING_NEAR)
        return CHART_VERSION.missing(
            "agent.chart.version", version=chart.version, url=chart.repository, near=remedy
        )
    except (WebError, RegistryError) as error:
        return _out_of_reach(chart.repository, error, seconds=f"{timeout:.0f}")


def _out_of_reach(url: str, error: RemoteError, *, seconds: str) -> Finding:
    at, detail = "agent.chart.repository", str(error)
    if isinstance(error, RegistryError) or error.cause is Cause.UNAUTHORISED:
        return CHART_REACH.refused(at, url=url, detail=detail)
    if error.cause is Cause.TIMEOUT:
        return CHART_REACH.timeout(at, url=url, seconds=seconds)
    if error.cause is Cause.FAILING:
        return CHART_REACH.failing(at, url=url, detail=detail)
    if error.cause is Cause.INVALID:
        return CHART_REACH.invalid(at, url=url, detail=detail)
    return CHART_REACH.unreachable(at, url=url, detail=detail)
