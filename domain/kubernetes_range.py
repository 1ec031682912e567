"""Helm's version ranges for Kubernetes, as far as charts use them (helm.sh/docs/topics/charts, field kubeVersion).

Written here because no Python library reads Helm's syntax (Masterminds/semver).
"""

from __future__ import annotations

import re

_PART = re.compile(
    r"(>=|<=|!=|>|<|=|\^|~)?\s*v?(\d+)(?:\.(\d+|x|\*))?(?:\.(\d+|x|\*))?(?:[-+][0-9A-Za-z.+-]*)?"
)

Version = tuple[int, int, int]


def admits(wanted: str, found: str) -> bool | None:
    """Whether the version ``found`` (1.36.3) is in the range ``wanted``; None if the range cannot be parsed.

    Pre-release parts are ignored: hosted clusters have them in their version, and charts allow them with `-0`.
    """
    version = _version(found)
    if version is None:
        return None
    judged = []
    for alternative in wanted.split("||"):
        text = alternative.strip()
        hyphen = re.fullmatch(r"(\S+)\s+-\s+(\S+)", text)
        if hyphen:
            text = f">={hyphen[1]} <={hyphen[2]}"
        parts = list(_PART.finditer(text))
        if not parts or _PART.sub("", text).strip(" ,"):
            return None
        judged.append(all(_holds(part, version) for part in parts))
    return any(judged)


def _version(text: str) -> Version | None:
    numbers = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(numbers[1]), int(numbers[2]), int(numbers[3] or 0)) if numbers else None


def _holds(part: re.Match[str], found: Version) -> bool:
    given = [int(item) for item in part.groups()[1:] if item is not None and item.isdigit()]
    low: Version = (given[0], given[1] if len(given) > 1 else 0, given[2] if len(given) > 2 else 0)
    same = found[: len(given)] == tuple(given)
    match part[1]:
        case ">=":
            return found >= low
        case ">":
            return found > low and not same
        case "<":
            return found < low
        case "<=":
            return found <= low or same
        case "!=":
            return not same
        case "^":
            return found >= low and found[0] == low[0]
        case "~":
            return found >= low and found[: min(len(given), 2)] == tuple(given[:2])
        case _:
            return same
