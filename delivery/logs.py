"""Task logs: the chart's logging sidecar with its volumes, and the variables of Airflow's remote logging.

Source: docs pages remote-agents-logging-sidecar and remote-execution-logging-overview; vector.dev, `file` source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from delivery.environment import env_var
from delivery.plan import EnvVar
from domain.security import RESTRICTED_CONTAINER
from settings.agent import Agent
from settings.logs import LogSidecar

FOLDER = "/usr/local/airflow/logs"
"""Folder of the agents' task logs."""
WRITERS = frozenset({"workers", "triggerer"})
"""Components that write task logs and that the chart runs the sidecar in."""
_LOGS, _POSITIONS = "task-logs", "vector-data"
_POSITIONS_FOLDER = "/var/lib/vector"
"""Where Vector stores its read positions, so that it sends no line twice after a restart."""
_SOURCE = "task_logs"


def log_environment(agent: Agent) -> Iterator[EnvVar]:
    """Variables of Airflow's remote logging (webinar-demos and docs page remote-execution-logging-overview)."""
    remote = agent.logs.remote if agent.logs else None
    if remote is None:
        return
    yield EnvVar("ASTRONOMER_ENVIRONMENT", "cloud")
    yield EnvVar("AIRFLOW__LOGGING__REMOTE_LOGGING", "True")
    yield EnvVar("AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER", remote.folder)
    if remote.connection:
        yield EnvVar("AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID", remote.connection)


def log_volumes(agent: Agent) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(volumes, mounts) of a component that writes task logs; the sidecar mounts both volumes, the agent only the first."""
    if sidecar_of(agent) is None:
        return [], []
    volumes = [{"name": name, "emptyDir": {}} for name in (_LOGS, _POSITIONS)]
    return volumes, [{"name": _LOGS, "mountPath": FOLDER}]


def sidecar_values(agent: Agent) -> dict[str, Any] | None:
    """The chart's `loggingSidecar`; None without one."""
    sidecar = sidecar_of(agent)
    if sidecar is None:
        return None
    values: dict[str, Any] = {
        "enabled": True,
        "name": sidecar.name,
        "config": vector_config(sidecar),
        "volumeMounts": [
            {"name": _LOGS, "mountPath": FOLDER},
            {"name": _POSITIONS, "mountPath": _POSITIONS_FOLDER},
        ],
    }
    if sidecar.image:
        values["image"] = sidecar.image
    if sidecar.env:
        values["env"] = [env_var(name, value).manifest() for name, value in sorted(sidecar.env.items())]
    if sidecar.resources:
        values["resources"] = sidecar.resources.model_dump(by_alias=True, exclude_none=True)
    if sidecar.pre_stop_seconds is not None:
        values["preStopSleepSeconds"] = sidecar.pre_stop_seconds
    if agent.pod_security == "restricted":
        values["securityContext"] = dict(RESTRICTED_CONTAINER)
    return values


def sidecar_of(agent: Agent) -> LogSidecar | None:
    """The logging sidecar of a stack, if it has one."""
    return agent.logs.sidecar if agent.logs else None


def vector_config(sidecar: LogSidecar) -> Mapping[str, Any]:
    """Vector's configuration: the user's, or the user's sinks with the task logs as their source."""
    if sidecar.config:
        return sidecar.config
    sinks = {name: {"inputs": [_SOURCE], **sink} for name, sink in sidecar.sinks.items()}
    source = {"type": "file", "include": [f"{FOLDER}/**/*.log"], "read_from": "beginning"}
    return {"data_dir": _POSITIONS_FOLDER, "sources": {_SOURCE: source}, "sinks": sinks}
