"""Which file of levels belongs to a stack."""

from __future__ import annotations

from pathlib import Path


def levels_for(pack: Path, stack: str) -> Path | None:
    """File below `levels/` of the pack: `prod.json` serves the stacks `prod` and `prod-…`, the longest name wins.

    A stack without one gets `default.json`, and None is returned when that is not there either.
    """
    folder = pack / "levels"
    fitting = [
        file
        for file in folder.glob("*.json")
        if stack == file.stem or stack.startswith(f"{file.stem}-")
    ]  # fmt: skip
    if fitting:
        return max(fitting, key=lambda file: len(file.stem))
    default = folder / "default.json"
    return default if default.is_file() else None
