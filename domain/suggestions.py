"""What to write instead of a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 5


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` is most likely a misspelling of.

    >>> nearest("mian", ["main", "develop"])
    'main'
    """
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.6)), None)


def near(name: str, known: Iterable[str], *, none: str) -> str:
    """`main if you meant that`, else a few of the known names, else ``none``: what to write instead of ``name``."""
    names = sorted(set(known))
    close = nearest(name, names) or next((item for item in names if item.lower() == name.lower()), None)
    if close:
        return f"{close} if you meant that"
    if not names:
        return none
    if len(names) == 1:
        return names[0]
    shown = ", ".join(names[:_SHOWN])
    return f"one of {shown}" + (f" ({len(names)} in all)" if len(names) > _SHOWN else "")
