"""Removing secrets from texts that people read."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

_USERINFO = re.compile(r"(?<=http://)[^/\s@]+@|(?<=https://)[^/\s@]+@|(?<=://)[^/\s:@]*:[^/\s@]+@")
SHORTEST = 4
"""Characters of a secret; shorter ones would also redact ordinary words."""


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without credentials: without these secrets, line by line, and without the user parts of URLs.

    >>> redact("fatal: could not read from https://robot:pa%2Fss@git.example.com, token pa/ss", ["pa/ss"])
    'fatal: could not read from https://***@git.example.com, token ***'
    """
    secrets = list(secrets)
    lines = (line for secret in secrets for line in secret.splitlines() if "-----" not in line)
    return _USERINFO.sub("***@", without(text, [*secrets, *(line for line in lines if line.strip())]))


def without(text: str, secrets: Iterable[str], *, mask: str = "***", shortest: int = SHORTEST) -> str:
    r"""The text with these secrets replaced, in every encoding in which they could appear; ``shortest`` is in characters.

    >>> without('{"a": "one\\ntwo"}', ["one\ntwo"], mask="[secret]")
    '{"a": "[secret]"}'
    """
    forms = {form for secret in secrets if len(secret.strip()) >= shortest for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, mask)
    return text


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield base64.b64encode(secret.encode()).decode()
    yield json.dumps(secret)[1:-1]
