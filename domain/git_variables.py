"""Git's configuration in environment variables (git-scm.com/docs/git-config, GIT_CONFIG_COUNT; Git 2.31 or later)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

Value = TypeVar("Value")

GIT_VARIABLES = "GIT_CONFIG_"
"""Start of these variables, which are meaningless one by one."""
GIT_COUNT, GIT_KEY, GIT_VALUE = (f"{GIT_VARIABLES}{part}" for part in ("COUNT", "KEY_", "VALUE_"))
"""The number of entries; key and value of one, before its number."""


def git_variables(entries: Sequence[tuple[str, Value]]) -> Iterator[tuple[str, str | Value]]:
    """(variable, its value) for entries (key, value); a count above the number of keys fails every Git command.

    >>> dict(git_variables([("safe.directory", "*")]))
    {'GIT_CONFIG_COUNT': '1', 'GIT_CONFIG_KEY_0': 'safe.directory', 'GIT_CONFIG_VALUE_0': '*'}
    """
    yield GIT_COUNT, str(len(entries))
    for number, (key, value) in enumerate(entries):
        yield f"{GIT_KEY}{number}", key
        yield f"{GIT_VALUE}{number}", value


def git_entries(variables: Mapping[str, Value]) -> list[tuple[str, Value]]:
    """The entries (key, value) that an environment carries.

    >>> git_entries(dict(git_variables([("safe.directory", "*")])))
    [('safe.directory', '*')]
    """
    count = int(str(variables.get(GIT_COUNT, "0")))
    return [
        (str(variables[f"{GIT_KEY}{number}"]), variables[f"{GIT_VALUE}{number}"]) for number in range(count)
    ]
