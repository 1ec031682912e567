"""`agent.logs`: where task logs are sent, which are otherwise lost with their Pod."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from domain.credentials import in_clear
from settings.base import DnsLabel, Section
from settings.containers import Environment, Resources
from settings.image import ImageReference
from settings.stores import StoragePath


class LogSidecar(Environment):
    """Vector as a sidecar of every worker and triggerer (docs page remote-agents-logging-sidecar): sends log lines as they are written."""

    sinks: dict[str, dict[str, Any]] = {}
    """Destinations in Vector's format (vector.dev/docs/reference/configuration/sinks), by a name of your choice; the
    source is provided and is the input of every sink without `inputs`."""
    config: dict[str, Any] = {}
    """Vector's whole configuration, instead of `sinks`; credentials as ${NAME} of a variable in `env`."""
    image: ImageReference | None = None
    """Image of Vector; by default the chart's."""
    name: DnsLabel = "vector-logging-sidecar"
    """Name of the container."""
    resources: Resources | None = None
    """Requests and limits."""
    pre_stop_seconds: Annotated[int, Field(ge=0)] | None = None
    """Seconds that it keeps sending after the agent has stopped (chart 2.x); the chart's default is 5."""

    @model_validator(mode="after")
    def _one_configuration(self) -> LogSidecar:
        if bool(self.sinks) == bool(self.config):
            what = "has both sinks and config" if self.sinks else "has neither sinks nor config"
            raise ValueError(f"{what}; write either sinks, for which the source is provided, or config")
        for name in in_clear({"sinks": self.sinks, "config": self.config}):
            raise ValueError(
                f"contains {name} in plain text; write ${{NAME}} there, and env: {{NAME: {{secret: <name>, key: <key>}}}}"
            )
        return self


class RemoteLogs(Section):
    """Airflow's remote logging: a task's log is uploaded to object storage when the task has finished."""

    folder: StoragePath
    """Folder of the store, for example s3://bucket/logs."""
    connection: Annotated[str, StringConstraints(min_length=1)] | None = None
    """Airflow connection for it; by default the provider's, or workload identity."""


class Logs(Section):
    """Where task logs are sent; with both ways together, the Airflow UI shows lines while tasks run."""

    sidecar: LogSidecar | None = None
    """A container that sends lines as they are written."""
    remote: RemoteLogs | None = None
    """Object storage, written when a task has finished."""

    @model_validator(mode="after")
    def _somewhere(self) -> Logs:
        if self.sidecar is None and self.remote is None:
            raise ValueError("is empty; write sidecar or remote under it")
        return self
