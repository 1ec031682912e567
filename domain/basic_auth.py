"""User and password as HTTP carries them."""

from __future__ import annotations

import base64


def basic_auth(user: str, password: str) -> str:
    """What follows "Basic " in the Authorization header (RFC 7617).

    >>> basic_auth("Aladdin", "open sesame")
    'QWxhZGRpbjpvcGVuIHNlc2FtZQ=='
    """
    return base64.b64encode(f"{user}:{password}".encode()).decode()
