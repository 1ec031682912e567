"""Numbers, durations and lists in sentences."""

from __future__ import annotations

from collections.abc import Sequence


def count(number: int, word: str) -> str:
    """`1 Pod`, `2 Pods`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def duration(seconds: int) -> str:
    """Seconds as `45 s`, `10 min`, `1 h 30 min`."""
    if seconds < 120 and seconds != 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest} s" if rest else ""]
    return " ".join(part for part in parts if part)


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
