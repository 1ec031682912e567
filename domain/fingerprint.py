"""A short mark of secret values, so that Pods roll if a Secret they read has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

_COST, _BLOCK, _LANES = 2**14, 8, 1


def fingerprint(values: Mapping[str, str], *, salt: str) -> str:
    """Sixteen hexadecimal digits that change with ``values``.

    The mark is in plain text in Helm values and Pod templates. scrypt makes guessing a weak password from it as slow as
    from a password file. With the salt (namespace and prefix), two stacks have different marks for the same values.
    """
    content = json.dumps(dict(values), sort_keys=True).encode()
    return hashlib.scrypt(content, salt=salt.encode(), n=_COST, r=_BLOCK, p=_LANES, dklen=8).hex()
