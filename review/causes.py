"""Readable reasons for a change: the setting behind a value of the chart, most important first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from domain.names import CONFIG_MOUNT
from domain.names import SECRETS_MARK as MARK

Item = TypeVar("Item")

IMAGE, PROJECTS, BUNDLE = "the image", "where the dbt projects are", "the Dag bundle"
GIT, CONNECTION = "Git access of the submodules", "the Git connection of the Dags"
SECRET = "a Secret that it reads"  # noqa: S105 - a phrase of the report
_BACKEND, _XCOM, _STATE = "the secrets backend", "the XCom store", "the state store"
_SECURITY, _LINEAGE, _IDENTITY = "pod security", "OpenLineage", "the Deployment's ids"
_SCALING, _RESOURCES, _LOGS = "autoscaling", "resources", "task logs"
_CLOUD = "the cloud identity"
_FIRST = (IMAGE, PROJECTS, BUNDLE, GIT, CONNECTION, SECRET)
"""Order of the most important reasons; other phrases follow, and bare keys come last."""

_KEYS: Mapping[str, str] = {
    "image": IMAGE,
    "dagBundleConfigList": BUNDLE,
    "secretBackend": _BACKEND,
    "xcomBackend": _XCOM,
    "stateStoreBackend": _STATE,
    "openLineage": _LINEAGE,
    "loggingSidecar": _LOGS,
    "serviceAccount": _CLOUD,
    "azure.workload.identity/use": _CLOUD,
    "podSecurityContext": _SECURITY,
    "containerSecurityContext": _SECURITY,
    "hpa": _SCALING,
    "resources": _RESOURCES,
}
"""Key of the chart -> reason."""
_VARIABLES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), cause)
    for pattern, cause in (
        (rf"{MARK}$", SECRET),
        ("ASTRO_DBT_", PROJECTS),
        ("GIT_(CONFIG_|TERMINAL_PROMPT$)", GIT),
        ("AIRFLOW_CONN_", CONNECTION),
        ("AIRFLOW__SECRETS__", _BACKEND),
        ("AIRFLOW__COMMON_IO__XCOM_", _XCOM),
        ("AIRFLOW__COMMON_IO__STATE_STORE_", _STATE),
        ("AIRFLOW__LOGGING__REMOTE_|ASTRONOMER_ENVIRONMENT$", _LOGS),
        ("AIRFLOW__COSMOS__CACHE_DIR$", _SECURITY),
        ("ASTRO_(ORGANIZATION|WORKSPACE|DEPLOYMENT)_", _IDENTITY),
    )
)
"""Prefix of a variable that the program sets -> reason."""


def cause(path: Sequence[str]) -> str:
    """The reason behind a value as a phrase, or enough of the value's path to recognise it, as code."""
    own = f"`{'.'.join(path[:3] if {'commonEnv', 'env'} & set(path[:2]) else path[:2])}`"
    for index, part in enumerate(path[:-1]):
        if part in {"commonEnv", "env"}:
            name = path[index + 1]
            return next((text for pattern, text in _VARIABLES if pattern.match(name)), own)
    if "volumes" in path or "volumeMounts" in path:
        named = path[-1]
        if named.startswith(("git-", CONFIG_MOUNT)):
            return GIT
        if named in {"task-logs", "vector-data", "/usr/local/airflow/logs"}:
            return _LOGS
    return next((_KEYS[part] for part in path if part in _KEYS), own)


def ordered(causes: Iterable[str]) -> list[str]:
    """Each reason once, the most important ones first."""
    return sorted(set(causes), key=_rank)


def grouped(items: Iterable[tuple[Sequence[str], Item]]) -> list[tuple[str, list[Item]]]:
    """(reason, items) in the order of the reasons; items keep their order."""
    groups: dict[str, list[Item]] = {}
    for path, item in items:
        groups.setdefault(cause(path), []).append(item)
    return [(name, groups[name]) for name in ordered(groups)]


def _rank(name: str) -> tuple[int, bool, str]:
    """Phrases before bare keys, which are less readable."""
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name.startswith("`"), name)
