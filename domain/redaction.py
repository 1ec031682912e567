"""Removing secrets from texts that people read."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

_USERINFO = re.compile(r"(?<=http://)[^/\s@]+@|(?<=https://)[^/\s@]+@|(?<=://)[^/\s:@]*:[^/\s@]+@")
MASK = "***"
"""What stands for a secret."""
SHORTEST = 4
"""Characters of a secret; shorter ones would also redact ordinary words."""


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without credentials: without these secrets, line by line, and without the user parts of URLs.

    >>> redact("fatal: could not read from https://robot:pa%2Fss@git.example.com, token pa/ss", ["pa/ss"])
    'fatal: could not read from https://***@git.example.com, token ***'
    """
    return _USERINFO.sub(f"{MASK}@", without(text, with_lines(secrets)))


def with_lines(secrets: Iterable[str]) -> Iterator[str]:
    """Secrets, and the lines of each that are secret: of a key, not those that say where it begins and ends."""
    for secret in secrets:
        yield secret
        yield from (line for line in secret.splitlines() if "-----" not in line and line.strip())


def without(text: str, secrets: Iterable[str], *, mask: str = MASK, shortest: int = SHORTEST) -> str:
    r"""The text with these secrets replaced, in every encoding in which they could appear; ``shortest`` is in characters.

    >>> without('{"a": "one\\ntwo"}', ["one\ntwo"], mask="[secret]")
    '{"a": "[secret]"}'
    """
    for spelling in spellings(secrets, shortest=shortest):
        text = text.replace(spelling, mask)
    return text


def spellings(secrets: Iterable[str], *, shortest: int = SHORTEST) -> tuple[str, ...]:
    """Every text by which one of these secrets could be read, the longest first; ``shortest`` is in characters."""
    found = {form for secret in secrets if len(secret.strip()) >= shortest for form in _forms(secret)}
    return tuple(sorted(found, key=lambda form: (-len(form), form)))


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield from (quote(secret, safe=""), quote(secret), quote_plus(secret))
    yield from _quoted(secret)
    raw = secret.encode()
    for letters in (b"+/", b"-_"):
        yield base64.b64encode(raw, letters).decode()
        for before in range(3):
            # Within the Base64 of a longer text. Letters that also hold bits of its neighbours are left out.
            begin, end = (8 * before + 5) // 6, 8 * (before + len(raw)) // 6
            yield base64.b64encode(b"\0" * before + raw, letters)[begin:end].decode()


def _quoted(secret: str) -> Iterator[str]:
    """Within JSON, and within JSON that is a text in JSON."""
    for once in _json(secret):
        yield once
        yield from _json(once)


def _json(text: str) -> Iterator[str]:
    """As Python writes it by default, as JavaScript does, and as Go does, which escapes the signs of HTML."""
    yield json.dumps(text)[1:-1]
    plain = json.dumps(text, ensure_ascii=False)[1:-1]
    yield plain
    for sign in "<>&":
        plain = plain.replace(sign, f"\\u{ord(sign):04x}")
    yield plain
