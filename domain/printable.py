"""Text from outside in a message: one line that every terminal and log can show."""

from __future__ import annotations

import re

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def printable(text: str) -> str:
    r"""The text with escapes for line ends, control characters and bytes that are not UTF-8.

    >>> printable("models/a\nb\udce9.sql")
    'models/a\\nb\\xe9.sql'
    """
    return _UNFIT.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file's name (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape", errors="surrogatepass").decode()
