"""What to write instead of a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 5


def near(name: str, known: Iterable[str], *, none: str) -> str:
    """`main if you meant that`, else a few of the known names, else ``none``: what to write instead of ``name``."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=1, cutoff=0.6) or [
        item for item in names if item.lower() == name.lower()
    ]
    if close:
        return f"{close[0]} if you meant that"
    if not names:
        return none
    if len(names) == 1:
        return names[0]
    shown = ", ".join(names[:_SHOWN])
    return f"one of {shown}" + (f" ({len(names)} in all)" if len(names) > _SHOWN else "")
