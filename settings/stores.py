"""`agent.secretsBackend`, `agent.xcom`, `agent.stateStore`: stores for what would otherwise be in Airflow's database."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from domain.credentials import in_clear
from settings.base import SecretKeyRef, Section

ClassPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]
"""Dotted path of a Python class."""

StoragePath = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+://[^\s]+$")]
"""Path in an object store, as in `apache-airflow-providers-common-io`: scheme://connection@bucket/folder."""

STATE_STORE = "airflow.providers.common.io.state_store.backend.StateStoreObjectStorageBackend"
"""The only state store backend in a provider (apache-airflow-providers-common-io 1.8.0 or later)."""


class SecretsBackend(Section):
    """Where agents find Airflow connections and variables."""

    class_path: Annotated[ClassPath, Field(alias="class")]
    """Class of the backend."""
    kwargs: dict[str, Any] = {}
    """Arguments of the backend, without credentials: use workload identity or `kwargsSecret`."""
    kwargs_secret: SecretKeyRef | None = None
    """Secret that holds the arguments as JSON, if they contain credentials."""

    @model_validator(mode="after")
    def _one_source(self) -> SecretsBackend:
        if self.kwargs and self.kwargs_secret:
            raise ValueError("has both kwargs and kwargsSecret; keep one of them")
        for name in in_clear(self.kwargs):
            raise ValueError(
                f"contains {name} in plain text; put the whole JSON into a Kubernetes Secret and write kwargsSecret: {{secret, key}}"
            )
        return self


class Xcom(Section):
    """Object storage for XComs."""

    path: StoragePath
    """Storage path, for example s3://aws_default@bucket/xcom."""
    threshold: Annotated[int, Field(ge=0)] = 0
    """Bytes above which a value goes to the store; 0 sends everything."""
    compression: str | None = None
    """Compression of the stored values."""
    backend: ClassPath = "airflow.providers.common.io.xcom.backend.XComObjectStorageBackend"
    """Class of the XCom backend."""


class StateStore(Section):
    """State of tasks and assets in object storage: agents on Airflow 3.3 or later do not start without such a backend."""

    class_path: Annotated[ClassPath, Field(alias="class")] = STATE_STORE
    """Class of the backend."""
    path: StoragePath | None = None
    """Storage path, for example s3://aws_default@bucket/state; the default class needs one."""
    threshold: Annotated[int, Field(ge=-1)] | None = None
    """Bytes above which a value goes to the store; 0 sends everything, -1 nothing."""
    compression: Annotated[str, StringConstraints(min_length=1)] | None = None
    """Compression of the stored values, for example gzip."""

    @model_validator(mode="before")
    @classmethod
    def _was_a_class(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError(
                f"is text, as in earlier versions of this program; write class: {value} and path: under it"
            )
        return value

    @model_validator(mode="after")
    def _has_a_path(self) -> StateStore:
        if self.class_path == STATE_STORE and self.path is None:
            raise ValueError(
                "has no path for the agents to write to; add path, for example s3://aws_default@bucket/state"
            )
        return self
