"""Whether the Pods that fetch the Dag repository have the disk for it.

A checkout of one commit's names tells the least that agents need: Git sends no sizes of files that are not fetched. Kubernetes
evicts a Pod whose containers and emptyDir volumes hold more than its limit of ephemeral storage (kubernetes.io, Local
ephemeral storage).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.quantity import amount
from preflight.catalogue.git_checks import GIT_DISK
from preflight.report import Finding
from settings.agent import Component
from settings.stack import Settings

BLOCK = 4096
"""Bytes that a small file takes on the file systems of Kubernetes nodes."""
VERSIONS = 10
"""Versions of a bundle that agents keep in any case (Airflow 3.3, `[dag_processor] stale_bundle_cleanup_min_versions`)."""
_KEEP = "AIRFLOW__DAG_PROCESSOR__STALE_BUNDLE_CLEANUP_MIN_VERSIONS"
DEFAULT = "1Gi"
"""Limit of the chart for workers, Dag processor and triggerer (chart 2.3.3, values.yaml)."""


def find(settings: Settings, *, files: int, stored: int) -> Iterator[Finding]:
    """Limits that are too small for a repository.

    ``files`` is the number of files of the tracked commit, ``stored`` the bytes of its commits and folders in Git's own form.
    """
    agent = settings.agent
    components: list[tuple[str, Component]] = [
        *((f"agent.workers[{index}]", worker) for index, worker in enumerate(agent.workers)),
        ("agent.dagProcessor", agent.dag_processor),
    ]
    for at, component in components:
        versions = _versions({**agent.env, **component.env})
        # The tracked checkout, and one for each version that tasks have used.
        least = stored + (1 + versions) * files * BLOCK
        limit = _limit(component)
        allowed = amount(limit)
        if limit is not None and allowed is not None and least > allowed:
            yield GIT_DISK.small(
                f"{at}.resources",
                limit=limit,
                files=files,
                versions=versions,
                least=f"{-(-least // 2**20)}Mi",
                wanted=f"{-(-2 * least // 2**30)}Gi",
            )


def _limit(component: Component) -> str | None:
    """The limit as it is written; None where the stack takes it away."""
    if component.resources is None:
        return DEFAULT
    limits = component.resources.limits
    return limits.ephemeral_storage if limits is not None else None


def _versions(env: Mapping[str, object]) -> int:
    text = str(env.get(_KEEP, VERSIONS))
    return int(text) if text.isdecimal() else VERSIONS
