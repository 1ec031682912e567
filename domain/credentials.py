"""Detection of credentials in plain text: settings refuse them, policies report them, reports hide them.

>>> [looks_like_a_credential(name, "x") for name in ("DB_PASSWORD", "MYTOKEN", "apiKey", "secretAccessKey")]
[True, True, True, True]
>>> [looks_like_a_credential(name, "x") for name in ("TOKENS_PER_DAY", "apiKeySecret", "MONKEY", "SECRETARY")]
[False, False, False, False]
>>> looks_like_a_credential("GOOGLE_APPLICATION_CREDENTIALS", "/var/run/key.json")
False
>>> looks_like_a_credential("URL", "https://user:password@example.com")
True
>>> looks_like_a_credential("password", "${PASSWORD}")
False
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_NAME = re.compile(
    r"(password|passwd|passphrase|token|secret|api[_-]?key|private[_-]?key|access[_-]?key"
    r"|(^|[^A-Za-z])(credentials?|secret[_-]id|keyfile[_-]dict))$",
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
_FILE_NAME = re.compile(r"credentials?$", re.IGNORECASE)
_PATH = re.compile(r"(/[\w.-]+)+")
"""Variables like GOOGLE_APPLICATION_CREDENTIALS hold the path of a file."""
_IN_CLEAR = frozenset({"agentToken", "sentinelAuthSecret", "imagePullSecretData", "openLineage.apiKey"})
"""Values of the agents' chart that take a secret in plain text; for each there is another key for the name of a Secret."""
_NAMES_OF_SECRETS = frozenset({"apiKeySecret", "kwargsSecret"})
"""Values that hold the name of a Secret, although their own name suggests a secret."""
_HIDDEN = "[secret]"
"""What Pulumi shows instead of a secret."""
_REFERENCE = re.compile(r"\$(\{[A-Za-z_]\w*\}|\([A-Za-z_]\w*\))")
"""The value of an environment variable, as Vector (`${NAME}`) and Kubernetes (`$(NAME)`) write it."""


def looks_like_a_credential(name: str, value: str) -> bool:
    """Whether a value with this name is a credential in plain text; an empty value, one that Pulumi hides, or a reference to a variable is not."""
    if not value or value == _HIDDEN or _REFERENCE.fullmatch(value):
        return False
    if holds_a_credential(value):
        return True
    return named_like_a_credential(name) and not (_FILE_NAME.search(name) and _PATH.fullmatch(value))


def named_like_a_credential(name: str) -> bool:
    """Whether a value with this name is a credential unless it is empty or a reference."""
    return name not in _NAMES_OF_SECRETS and bool(_NAME.search(_CAMEL.sub("_", name)))


def holds_a_credential(text: str) -> bool:
    """Whether a text has the form of a credential, whatever its name."""
    return bool(_VALUE.search(text))


def in_clear(values: Any, path: str = "") -> Iterator[str]:
    """Paths of all credentials in plain text in chart values (or an `env` list), in the user's notation.

    References (`valueFrom`), names of Secrets and values that Pulumi keeps secret are not reported.
    """
    if isinstance(values, Mapping):
        if path in _IN_CLEAR and values:
            yield path
        for key, item in values.items():
            yield from _entry(str(key), item, f"{path}.{key}" if path else str(key))
    elif isinstance(values, Sequence) and not isinstance(values, str):
        for number, item in enumerate(values):
            yield from _listed(item, path, number)
    elif isinstance(values, str) and holds_a_credential(values):
        yield path


def _listed(item: Any, path: str, number: int) -> Iterator[str]:
    name = item.get("name") if isinstance(item, Mapping) else None
    below = f"{path}.{name}" if name else f"{path}[{number}]"
    if name is None or not isinstance(item.get("value"), str):
        yield from in_clear(item, below)
    elif looks_like_a_credential(str(name), item["value"]):
        yield below


def _entry(key: str, item: Any, path: str) -> Iterator[str]:
    if not isinstance(item, str):
        yield from in_clear(item, path)
    elif path in _IN_CLEAR or looks_like_a_credential(key, item):
        yield path
