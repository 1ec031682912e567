"""Git's configuration in environment variables, by its keys: the numbers in the variables' names shift with every entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.git_variables import GIT_COUNT, GIT_KEY, GIT_VALUE

GIT_CONFIG = "GIT_CONFIG"
"""Stands for the numbered variables."""
_MOST = 10_000


def by_key(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """The variables (name -> value) with one mapping in place of the numbered ones: key of Git -> value, or list of values.

    >>> by_key({"A": "1", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "x.y", "GIT_CONFIG_VALUE_0": "z"})
    {'A': '1', 'GIT_CONFIG': {'x.y': 'z'}}

    Variables that Git could not read, or that were added by hand, stay as they are.
    """
    count = variables.get(GIT_COUNT)
    if not isinstance(count, str) or not count.isdecimal() or int(count) > _MOST:
        return variables
    found: dict[str, list[Any]] = {}
    taken = {GIT_COUNT}
    for index in range(int(count)):
        names = f"{GIT_KEY}{index}", f"{GIT_VALUE}{index}"
        key, value = (variables.get(name) for name in names)
        if not isinstance(key, str) or value is None:
            return variables
        found.setdefault(key, []).append(_without_name(value))
        taken.update(names)
    rest = {name: value for name, value in variables.items() if name not in taken}
    return {**rest, GIT_CONFIG: {key: each[0] if len(each) == 1 else each for key, each in found.items()}}


def _without_name(value: Any) -> Any:
    """A reference to a Secret's key without the numbered name of its variable."""
    return (
        {key: item for key, item in value.items() if key != "name"} if isinstance(value, Mapping) else value
    )


def repository_of(key: str, values: Any) -> tuple[str, ...]:
    """Addresses in an entry of Git's configuration that are those of one repository; none for an entry about something else.

    ``values`` is the value, or the list of values. An address with the alias of an SSH key comes last.

    >>> repository_of("http.https://h/a/b.git.extraHeader", "x")
    ('https://h/a/b.git',)
    >>> repository_of("url.git@alias:a/b.git.insteadOf", ["git@h:a/b.git", "https://h/a/b.git"])
    ('git@h:a/b.git', 'https://h/a/b.git', 'git@alias:a/b.git')
    """
    section, _, rest = key.partition(".")
    address, _, name = rest.rpartition(".")
    if (section, name.lower()) == ("http", "extraheader"):
        return (address,)
    if (section, name.lower()) == ("url", "insteadof"):
        texts = values if isinstance(values, list) else [values]
        return (*(text for text in texts if isinstance(text, str)), address)
    return ()


def host_of(key: str) -> str | None:
    """Host whose certificate authority an entry of Git's configuration names; None for another entry.

    >>> host_of("http.https://git.example.com:8443/.sslCAInfo")
    'git.example.com:8443'
    """
    section, _, rest = key.partition(".")
    address, _, name = rest.rpartition(".")
    if (section, name.lower()) != ("http", "sslcainfo"):
        return None
    return address.partition("://")[2].strip("/") or None
