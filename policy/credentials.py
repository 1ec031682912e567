"""What looks like a credential that stands in clear; shared by the policy pack and the review report."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_NAME = re.compile(
    r"(^|[^A-Za-z])(password|passwd|passphrase|token|secret|api[_-]?key|private[_-]?key|access[_-]?key|credentials?)$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_VALUE = re.compile(
    r"://[^/\s:@]*:[^/\s@]+@"  # user and password in a URL
    r"|[\"']password[\"']\s*:\s*[\"'][^\"']+"  # an Airflow connection as JSON
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b(gh[pousr]|github_pat|glpat|xox[abprs])[_-][A-Za-z0-9_-]{10,}"  # tokens that name their issuer
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\bey[A-Za-z0-9_-]{10,}\.ey[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+"  # a JSON web token
)
_IN_CLEAR = frozenset({"agentToken", "sentinelAuthSecret", "imagePullSecretData", "openLineage.apiKey"})
"""Values of the agent's chart that take a secret in clear; each has a sister key that takes the name of a Secret."""
_NAMES_OF_SECRETS = frozenset({"apiKeySecret", "kwargsSecret"})
"""Values that hold the name of a Secret although they are called like one."""


def named_like_a_credential(name: str) -> bool:
    """Whether a value under this name is a credential unless it is empty or a reference."""
    return name not in _NAMES_OF_SECRETS and bool(_NAME.search(_CAMEL.sub("_", name)))


def holds_a_credential(text: str) -> bool:
    """Whether a text has the form of a credential, whatever its name."""
    return bool(_VALUE.search(text))


def in_clear(values: Any, path: str = "") -> Iterator[str]:
    """Paths of everything in chart values (or an `env` list) that is a credential in clear, as users find them.

    References (`valueFrom`), names of Secrets and values that Pulumi keeps secret are no findings.
    """
    if isinstance(values, Mapping):
        if path in _IN_CLEAR and values:
            yield path
        for key, item in values.items():
            yield from _entry(str(key), item, f"{path}.{key}" if path else str(key))
    elif isinstance(values, Sequence) and not isinstance(values, str):
        for number, item in enumerate(values):
            name = item.get("name") if isinstance(item, Mapping) else None
            below = f"{path}.{name}" if name else f"{path}[{number}]"
            if name is not None and isinstance(item.get("value"), str):
                if _found(str(name), item["value"]):
                    yield below
            else:
                yield from in_clear(item, below)
    elif isinstance(values, str) and holds_a_credential(values):
        yield path


def _entry(key: str, item: Any, path: str) -> Iterator[str]:
    if isinstance(item, str):
        if path in _IN_CLEAR or _found(key, item):
            yield path
    else:
        yield from in_clear(item, path)


def _found(name: str, value: str) -> bool:
    if not value or value == "[secret]":
        return False
    return holds_a_credential(value) or named_like_a_credential(name)
