"""Checks of the chart: its repository, its version, its values."""

from __future__ import annotations

from preflight.check import Check, error, info, warning

_VALUES = ("agent.values.<path>", "agent.<component>.values.<path>")


class ChartReach(Check, id="chart.reach"):
    """The chart repository answers."""

    @error("agent.chart.repository")
    def unreachable(self, *, url: str, detail: str) -> str:
        return f"is {url}, which cannot be reached ({detail}); check the address and the network"

    @error("agent.chart.repository")
    def failing(self, *, url: str, detail: str) -> str:
        return f"is {url}, which answers with an error ({detail}); try again later, or ask whoever runs it"

    @error("agent.chart.repository")
    def timeout(self, *, url: str, seconds: str) -> str:
        return f"is {url}, which did not answer within {seconds} s; check the network, or raise preflight.timeout"

    @error("agent.chart.repository")
    def refused(self, *, url: str, detail: str) -> str:
        return (
            f"is {url}, which refuses access ({detail}); use a repository that needs no credentials, or a registry that this "
            "stack has a login for"
        )

    @error("agent.chart.repository")
    def invalid(self, *, url: str, detail: str) -> str:
        return f"is {url}, which is not a chart repository ({detail}); write the repository's base URL"


class ChartVersion(Check, id="chart.version"):
    """The pinned chart version exists."""

    @error("agent.chart.name")
    def no_chart(self, *, name: str, url: str, near: str) -> str:
        return f"is {name}, which {url} does not have; write {near}"

    @error("agent.chart.version")
    def missing(self, *, version: str, url: str, near: str) -> str:
        return f"is {version}, which {url} does not have; write {near}"

    @warning("agent.chart.version")
    def newer(self, *, version: str) -> str:
        return (
            f"is {version}, but this program was written for charts 1.x and 2.x: it sends the values of 2.x, checked against "
            "this version's package; read its release notes, and set new values in agent.values"
        )


class ChartKubernetes(Check, id="chart.kubernetes"):
    """The chart accepts the cluster's version."""

    @error("agent.chart.version")
    def refused(self, *, version: str, wanted: str, found: str) -> str:
        return (
            f"is {version}, which requires Kubernetes {wanted}, but the cluster runs {found}; write another version, or upgrade "
            "the cluster"
        )


class ChartValues(Check, id="chart.values"):
    """The chart accepts every value."""

    @error(*_VALUES, "agent.workers[<n>]", "agent.<component>", "agent.chart.version")
    def refused(self, *, path: str, version: str, detail: str) -> str:
        return f"gives the chart the value {path}, which version {version} rejects, because {detail}; correct or remove it"

    @warning(*_VALUES, "agent.workers[<n>]", "agent.<component>", "agent.chart.version")
    def ignored(self, *, path: str, version: str, near: str) -> str:
        return f"gives the chart the value {path}, which version {version} never reads; remove it, or write {near}"

    @error(*_VALUES)
    def unknown(self, *, version: str, near: str, escape: str) -> str:
        return (
            f"is not a value of the chart's version {version}, which would ignore it; remove it, write {near}, or give a reason "
            f"in {escape} to send it anyway"
        )

    @error(*_VALUES)
    def undecided(self, *, near: str, escape: str) -> str:
        return (
            f"is not a value that this program knows, and the chart, which would decide, cannot be read; remove it, write {near}, "
            f"or give a reason in {escape} to send it anyway"
        )

    @error("agent.workers[<n>].priorityClass", "agent.<component>.priorityClass")
    def unsupported(self, *, value: str, version: str) -> str:
        return f"needs the value {value}, which the chart's version {version} does not have; remove it, or use a chart that has it"

    @info(*_VALUES)
    def declared(self, *, reason: str) -> str:
        return f"is sent to the chart although this program does not know it; the reason given is: {reason}"

    @error(*_VALUES)
    def empty(self) -> str:
        return (
            "is null or an empty list, which does not remove the chart's default (Pulumi's Kubernetes plugin before 4.30 omits "
            "it); write the value that you want, or remove it"
        )


class ChartRender(Check, id="chart.render"):
    """The chart renders with the stack's values."""

    @error(*_VALUES, "agent.workers[<n>]", "agent.<component>", "agent.<setting>")
    def failed(self, *, version: str, detail: str) -> str:
        return f"keeps the chart's version {version} from rendering ({detail}); correct it or what it needs"

    @error("agent.chart.version")
    def broken(self, *, version: str, detail: str) -> str:
        return (
            f"is {version}, which does not render with the values of this stack ({detail}); correct the values that it names, "
            "or write another version"
        )

    @info("agent.chart")
    def unrendered(self, *, detail: str) -> str:
        return (
            f"was not rendered ({detail}), so mistakes that only its templates or the cluster find show during the update; install "
            "Helm 3 or later where previews run"
        )


CHART_REACH = ChartReach()
CHART_VERSION = ChartVersion()
CHART_KUBERNETES = ChartKubernetes()
CHART_VALUES = ChartValues()
CHART_RENDER = ChartRender()

CHECKS: tuple[Check, ...] = (CHART_REACH, CHART_VERSION, CHART_KUBERNETES, CHART_VALUES, CHART_RENDER)
"""In the order of docs/preflight.md."""
