"""Whether the Pods that fetch the Dag repositories have the disk for all of them.

A checkout of one commit's names tells the least that agents need: Git sends no sizes of files that are not fetched. Kubernetes
evicts a Pod whose containers and emptyDir volumes hold more than its limit of ephemeral storage (kubernetes.io, Local
ephemeral storage).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domain.quantity import amount
from preflight.catalogue.git_checks import GIT_DISK
from preflight.report import BundleFacts, Finding
from settings.agent import Component
from settings.dags import GitBundle
from settings.stack import Settings

BLOCK = 4096
"""Bytes that a small file takes on the file systems of Kubernetes nodes."""
VERSIONS = 10
"""Versions of a bundle that agents keep in any case (Airflow 3.3, `[dag_processor] stale_bundle_cleanup_min_versions`)."""
_KEEP = "AIRFLOW__DAG_PROCESSOR__STALE_BUNDLE_CLEANUP_MIN_VERSIONS"
DEFAULT = "1Gi"
"""Limit of the chart for workers, Dag processor and triggerer (chart 2.3.3, values.yaml)."""


def checked_out(bundle: GitBundle, files: Sequence[str]) -> list[str]:
    """Paths of ``files`` that are in a checkout in any case: with `sparse_dirs` those in its folders."""
    folders = bundle.arguments.get("sparse_dirs")
    if not isinstance(folders, list):
        return list(files)
    kept = tuple(f"{str(folder).strip('/')}/" for folder in folders)
    return [path for path in files if path.startswith(kept)]


def find(settings: Settings, read: Sequence[BundleFacts]) -> Iterator[Finding]:
    """Limits that are too small for the repositories together: every worker and the Dag processor may fetch all of them."""
    if not read:
        return
    agent = settings.agent
    files, stored = sum(item.files for item in read), sum(item.stored for item in read)
    what = "the Dag repository" if len(read) == 1 else f"{len(read)} Dag repositories"
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
                repositories=what,
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
