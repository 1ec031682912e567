"""Settings that several components share: environment variables, requests and limits of a container."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from domain.credentials import looks_like_a_credential
from settings.base import EnvName, Quantity, SecretKeyRef, Section


class ResourceAmounts(Section):
    """Amounts of compute."""

    cpu: Quantity | None = None
    """CPU."""
    memory: Quantity | None = None
    """Memory."""
    ephemeral_storage: Annotated[Quantity | None, Field(alias="ephemeral-storage")] = None
    """Disk of the Pod, for the bundle's clones, one folder per live version, dbt's target and logs."""


class Resources(Section):
    """Kubernetes resource requests and limits."""

    requests: ResourceAmounts | None = None
    """Amounts that the scheduler reserves."""
    limits: ResourceAmounts | None = None
    """Amounts that the container may not exceed."""


EnvValue = str | SecretKeyRef
"""Plain value, or a key of an existing Secret."""


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "True" if value else "False"
    return str(value) if isinstance(value, int | float) else value


class Environment(Section):
    """Environment variables of containers."""

    env: dict[EnvName, EnvValue] = {}
    """Environment variables; credentials as {secret, key} of an existing Secret."""

    @field_validator("env", mode="before")
    @classmethod
    def _scalars(cls, value: Any) -> Any:
        return {name: _as_text(item) for name, item in value.items()} if isinstance(value, dict) else value

    @field_validator("env")
    @classmethod
    def _no_credentials_in_clear(cls, value: dict[str, EnvValue]) -> dict[str, EnvValue]:
        for name, item in value.items():
            if isinstance(item, str) and looks_like_a_credential(name, item):
                raise ValueError(
                    f"contains {name} in plain text; put it into a Kubernetes Secret and write "
                    f"{name}: {{secret: <name>, key: <key>}}"
                )
        return value


def only_raw(name: str, value: Any) -> bool:
    """Whether the chart's value of a component has no typed form: amounts such as GPUs, variables that read other things than Secrets."""
    if name == "resources":
        try:
            Resources.model_validate(value)
        except ValidationError:
            return isinstance(value, dict)
        return False
    return name == "env" and isinstance(value, list) and all(_reads_something_else(item) for item in value)


def _reads_something_else(variable: Any) -> bool:
    source = variable.get("valueFrom") if isinstance(variable, dict) else None
    if not isinstance(source, dict):
        return False
    reference = source.get("secretKeyRef")
    return not isinstance(reference, dict) or set(reference) != {"name", "key"}
