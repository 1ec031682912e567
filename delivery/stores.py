"""Variables and packages of the stores that agents use: connections and variables, XComs, state of tasks, task logs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from delivery.environment import env_var
from delivery.plan import EnvVar
from domain.requirements import Version
from settings.agent import Agent
from settings.dags import Bundle, ClassBundle

COMMON_IO = "apache-airflow-providers-common-io"
STATE_STORE_SINCE: Version = (1, 8, 0)
"""First version of the provider with the state store (its configuration reference)."""

_OF_SCHEME = {
    "s3": "apache-airflow-providers-amazon",
    "s3a": "apache-airflow-providers-amazon",
    "cloudwatch": "apache-airflow-providers-amazon",
    "gs": "apache-airflow-providers-google",
    "gcs": "apache-airflow-providers-google",
    "stackdriver": "apache-airflow-providers-google",
    "wasb": "apache-airflow-providers-microsoft-azure",
    "abfs": "apache-airflow-providers-microsoft-azure",
    "abfss": "apache-airflow-providers-microsoft-azure",
    "hdfs": "apache-airflow-providers-apache-hdfs",
    "oss": "apache-airflow-providers-alibaba",
}
"""Scheme of a storage path -> provider that opens it (airflow.apache.org, core-concepts/objectstorage, logging-tasks)."""


@dataclass(frozen=True)
class NeededPackage:
    """A package without which a store does not work."""

    at: str
    """Stack key that asks for the store."""
    package: str
    """Name of the distribution."""
    since: Version | None = None
    """First version that will do."""


def store_environment(agent: Agent) -> Iterator[EnvVar]:
    """Variables of the secrets backend, the XCom backend and the state store."""
    secrets, xcom, state = agent.secrets_backend, agent.xcom, agent.state_store
    if secrets and secrets.kwargs:
        yield EnvVar("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(secrets.kwargs, sort_keys=True))
    if secrets and secrets.kwargs_secret:
        yield env_var("AIRFLOW__SECRETS__BACKEND_KWARGS", secrets.kwargs_secret)
    if xcom:
        yield from _object_store("XCOM", xcom.path, xcom.threshold, xcom.compression)
    if state:
        yield from _object_store("STATE_STORE", state.path, state.threshold, state.compression)


def _object_store(
    kind: str, path: str | None, threshold: int | None, compression: str | None
) -> Iterator[EnvVar]:
    settings = {"PATH": path, "THRESHOLD": threshold, "COMPRESSION": compression}
    for name, value in settings.items():
        if value is not None:
            yield EnvVar(f"AIRFLOW__COMMON_IO__{kind}_OBJECTSTORAGE_{name}", str(value))


BUNDLES_SINCE: Mapping[str, Version] = {"apache-airflow-providers-amazon": (9, 10, 0)}
"""Provider -> first version with a Dag bundle (its changelog)."""


def bundle_packages(bundles: Iterable[Bundle]) -> Iterator[NeededPackage]:
    """Packages that the classes of Dag bundles come from, as far as their paths tell."""
    for bundle in bundles:
        package = provider_of_class(bundle.class_path) if isinstance(bundle, ClassBundle) else None
        if package:
            yield NeededPackage(f"{bundle.at}.class", package, BUNDLES_SINCE.get(package))


def needed_packages(agent: Agent) -> Iterator[NeededPackage]:
    """Packages that the stores of a stack need in the agents' image, as far as their settings show."""
    stores = (
        ("agent.secretsBackend", agent.secrets_backend and agent.secrets_backend.class_path, None, None),
        ("agent.xcom", agent.xcom and agent.xcom.backend, agent.xcom and agent.xcom.path, None),
        (
            "agent.stateStore",
            agent.state_store and agent.state_store.class_path,
            agent.state_store and agent.state_store.path,
            STATE_STORE_SINCE,
        ),
    )
    for at, class_path, path, since in stores:
        package = provider_of_class(class_path) if class_path else None
        if package:
            yield NeededPackage(at, package, since if package == COMMON_IO else None)
        opener = provider_of_path(path) if path else None
        if opener and opener != package:
            yield NeededPackage(at, opener)
    remote = agent.logs.remote if agent.logs else None
    opener = provider_of_path(remote.folder) if remote else None
    if opener:
        yield NeededPackage("agent.logs.remote", opener)


def provider_of_path(path: str) -> str | None:
    """Distribution of the provider that opens a storage path; None for one that Airflow opens itself.

    >>> provider_of_path("s3://aws_default@bucket/xcom")
    'apache-airflow-providers-amazon'
    """
    return _OF_SCHEME.get(path.partition("://")[0])


def provider_of_class(class_path: str) -> str | None:
    """Distribution of the provider that a class of Airflow's providers comes from; None for other classes.

    The last parts of such a path are modules of the provider, and nothing in it shows where they begin: the known
    providers with two-part names are listed.

    >>> provider_of_class("airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend")
    'apache-airflow-providers-amazon'
    >>> provider_of_class("airflow.providers.common.io.xcom.backend.XComObjectStorageBackend")
    'apache-airflow-providers-common-io'
    """
    found = re.match(r"^airflow\.providers\.(\w+)\.(\w+)", class_path)
    if found is None:
        return None
    parts = found.groups() if found[1] in {"common", "microsoft", "apache"} else found.groups()[:1]
    return "-".join(("apache-airflow-providers", *parts))
