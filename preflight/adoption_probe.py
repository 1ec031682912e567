"""An adopted release: whether what the stack sends still amounts to what its Pods have."""

from __future__ import annotations

from collections.abc import Iterator

from clients.charts import fetch_chart
from clients.errors import RemoteError
from clients.helm.history import release_record, release_state
from clients.importing import IMPORTING
from delivery.withheld import kept_back
from domain.merge import render
from domain.names import SECRETS_MARK
from preflight.catalogue.cluster_checks import CLUSTER_ADOPTED
from preflight.context import Context
from preflight.report import Finding
from settings.stack import Settings


def is_adopted(settings: Settings) -> bool:
    """Whether the stack withholds anything."""
    return bool(kept_back(settings.agent))


def find(context: Context) -> Iterator[Finding]:
    """Compare the stack's values with those of the deployed revision; what cannot be reached is reported by other probes."""
    # Most stacks adopt nothing, and need not import what reads a hand-made release.
    with IMPORTING:
        from adoption.equality import differences, effective
        from adoption.translate import without_nulls
        from adoption.withhold import our_values

    settings = context.settings
    agent = settings.agent
    if agent.chart.address.in_registry:
        return  # its login is the chart probe's, and a chart is fetched once per run there
    try:
        cluster = context.cluster.connection()
        revisions = release_state(cluster, namespace=agent.helm_namespace, name=agent.release).revisions
        deployed = next((item for item in revisions if item.status == "deployed"), None)
        if deployed is None:
            return
        record = release_record(cluster, namespace=agent.helm_namespace, revision=deployed)
        if record.chart_version != agent.chart.version:
            return  # an upgrade of the chart changes the templates
        defaults = without_nulls(fetch_chart(agent.chart.address, timeout=context.timeout).values)
    except RemoteError:
        return
    theirs = effective(without_nulls(record.values), defaults)
    ours = effective(our_values(settings, context.plan), defaults)
    built = context.plan.runtime is not None
    changed = [
        render(found.path)
        for found in differences(theirs, ours)
        if found.path[-1] != SECRETS_MARK and not (built and found.path[-1] == "image")
    ]
    revision = str(deployed.revision)
    if changed:
        yield CLUSTER_ADOPTED.changed("agent.release", paths=", ".join(changed), revision=revision)
    else:
        yield CLUSTER_ADOPTED.same("agent.release", revision=revision)
