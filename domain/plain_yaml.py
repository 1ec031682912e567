"""YAML files that others wrote, with one error for everything that PyYAML cannot read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml is ten times as fast as the parser written in Python, which serves where PyYAML was built without it."""

T = TypeVar("T")


class PlainYamlError(ValueError):
    """The content is not YAML, or holds a value that does not exist, such as the date 2026-13-45."""


def load(content: bytes | str) -> Any:
    """The document in ``content``; None when it is empty. Raises PlainYamlError.

    >>> load(b"name: jaffle")
    {'name': 'jaffle'}
    """
    return _read(content, _one)


def load_all(content: bytes | str) -> list[Any]:
    """Every document in ``content``. Raises PlainYamlError.

    >>> load_all("--- 1")
    [1]
    """
    return _read(content, _all)


def _one(content: bytes | str) -> Any:
    return yaml.load(content, Loader=_LOADER)  # noqa: S506 - a safe loader


def _all(content: bytes | str) -> list[Any]:
    return list(yaml.load_all(content, Loader=_LOADER))


def _read(content: bytes | str, work: Callable[[bytes | str], T]) -> T:
    try:
        return work(content)
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
