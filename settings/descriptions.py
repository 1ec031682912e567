"""Descriptions of settings: the strings below their fields.

They are read from the source where pages are generated. Pydantic's `use_attribute_docstrings` does the same at every import,
which costs each run of the program a tenth of a second.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from settings.base import Section
from settings.stack import Settings


def described_schema() -> dict[str, Any]:
    """JSON Schema of the settings (Pydantic's, with aliases) in which each property has its description."""
    schema = Settings.model_json_schema(by_alias=True)
    models = {model.__name__: model for model in _models(Section) if model.__module__.startswith("settings.")}
    for name, definition in [(Settings.__name__, schema), *schema["$defs"].items()]:
        if name in models:
            texts = field_texts(models[name])
            for field, info in models[name].model_fields.items():
                text = texts.get(field)
                if text is not None:
                    definition["properties"][info.alias or field]["description"] = text
    return schema


def _models(base: type[Section]) -> Iterator[type[Section]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


def field_texts(model: type[Section]) -> dict[str, str]:
    """Name of a field -> the string below it, those of base classes included."""
    found: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if issubclass(part, Section) and part is not Section:
            (definition,) = ast.parse(textwrap.dedent(inspect.getsource(part))).body
            assert isinstance(definition, ast.ClassDef)  # noqa: S101 - the source of a class
            for field, text in zip(definition.body, definition.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    match text:
                        case ast.Expr(value=ast.Constant(value=str(string))):
                            found[field.target.id] = inspect.cleandoc(string)
    return found
