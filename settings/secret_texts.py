"""Every secret of a stack in plain text, to be redacted from other texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, SecretStr


def secret_texts(model: object) -> Iterator[str]:
    """Every secret value in the settings, at any depth."""
    if isinstance(model, SecretStr):
        yield model.get_secret_value()
    elif isinstance(model, BaseModel):
        for name in type(model).model_fields:
            yield from secret_texts(getattr(model, name))
    elif isinstance(model, Mapping):
        for item in model.values():
            yield from secret_texts(item)
    elif isinstance(model, tuple | list):
        for item in model:
            yield from secret_texts(item)
