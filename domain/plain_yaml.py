"""YAML files that others wrote, with one error for everything that PyYAML cannot read."""

from __future__ import annotations

from typing import Any

import yaml


class PlainYamlError(ValueError):
    """The content is not YAML, or holds a value that does not exist, such as the date 2026-13-45."""


def load(content: bytes | str) -> Any:
    """The document in ``content``; None when it is empty. Raises PlainYamlError.

    >>> load(b"name: jaffle")
    {'name': 'jaffle'}
    """
    try:
        return yaml.safe_load(content)
    except (
        yaml.YAMLError,
        ValueError,  # a date or a number that does not exist
        ArithmeticError,
        AttributeError,  # text with the tag of a timestamp
        LookupError,  # text with the tag of a number or a boolean
        TypeError,
        RecursionError,
    ) as error:
        raise PlainYamlError("not valid YAML") from error
