"""Descriptions that are read from the source of the settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from settings.base import Section
from settings.descriptions import described_schema, field_texts


class Base(Section):
    """Base."""

    shared: int
    """Of the base class."""
    changed: int
    """Before."""


class Derived(Base):
    """Derived."""

    changed: Annotated[int, Field(ge=1)] = 1
    """After,
    on two lines."""
    bare: int = 2


def test_the_string_below_a_field_describes_it_and_a_subclass_may_say_it_anew():
    assert field_texts(Derived) == {"shared": "Of the base class.", "changed": "After,\non two lines."}


def test_every_setting_is_described():
    schema = described_schema()
    missing = [
        f"{name}.{key}"
        for name, definition in [("", schema), *schema["$defs"].items()]
        for key, item in definition.get("properties", {}).items()
        if not item.get("description")
    ]
    assert missing == []
