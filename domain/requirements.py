"""pip requirements, as far as the checks need them (packaging.python.org, dependency specifiers)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

Version = tuple[int, ...]
"""Release segment of a version: 1.11.0 is (1, 11, 0)."""

_CLAUSE = re.compile(r"(===?|<=?|~=)(\d+(?:\.\d+)*)(\.\*)?")


def distribution(requirement: str) -> str:
    """Normalised name of the package that a requirement installs (PEP 503).

    >>> distribution("DBT.SQLServer[x] >= 1.9")
    'dbt-sqlserver'
    """
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""


def pinned(requirements: Iterable[str], name: str) -> Version | None:
    """Version in the first pin (`==`) of a package; None without one."""
    for requirement in requirements:
        found = re.search(r"(?<![=])==(\d+(?:\.\d+)*)", _specifier(requirement))
        if distribution(requirement) == name and found:
            return _numbers(found[1])
    return None


def stays_below(requirement: str, bound: Version) -> bool:
    """Whether a requirement excludes ``bound`` (no trailing zeros) and everything after it.

    >>> [stays_below(f"dbt-core{text}", (1, 12)) for text in ("==1.11.16", "~=1.11.0", "<1.12", "~=1.11", ">=1.9", "")]
    [True, True, True, False, False, False]
    """
    clauses = _CLAUSE.finditer(_specifier(requirement))
    return any(_below(found[1], found[2], found[3] is not None, bound) for found in clauses)


def _below(operator: str, text: str, wildcard: bool, bound: Version) -> bool:
    version: tuple[float, ...] = _numbers(text)
    if operator == "<":
        while version[-1] == 0 and len(version) > 1:
            version = version[:-1]
        return version <= bound
    if operator == "~=":
        version = (*version[:-1], math.inf)
    elif wildcard:
        version = (*version, math.inf)
    return version < bound


def _specifier(requirement: str) -> str:
    """The version part, without marker and spaces."""
    return requirement.partition(";")[0].replace(" ", "")


def _numbers(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))
